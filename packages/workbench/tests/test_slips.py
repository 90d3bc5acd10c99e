"""Slips are found before the parser sees them, and nothing that the parser takes is called one."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
import tyro

from workbench import nearest, slip, unframed

Flag = tyro.conf.FlagCreatePairsOff[bool]


@dataclass(frozen=True)
class Inner:
    depth: int = 1
    order: Literal[1, 2] = 1
    hidden: tyro.conf.Suppress[int] = 0


@dataclass(frozen=True)
class Everything:
    """One option of each kind."""

    model: tyro.conf.Positional[str]
    text: str = ""
    path: Path | None = None
    count: int = 1
    rate: float | None = None
    method: Literal["stop", "go"] = "stop"
    early: bool | Literal["never"] = False
    names: tuple[str, ...] = ()
    maybe_names: tuple[str, ...] | None = None
    word: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    number: tyro.conf.UseAppendAction[tuple[int, ...]] = ()
    pair: bool = False
    single: Flag = False
    on: Flag = True
    source: Annotated[str | None, tyro.conf.arg(name="from", aliases=("--origin", "-o"))] = None
    inner: Inner = field(default_factory=Inner)
    open: Annotated[Inner, tyro.conf.arg(name="")] = field(default_factory=Inner)


@pytest.mark.parametrize(
    "arguments",
    [
        "m",
        "m --count 3 --rate -1e-3 --rate=inf",
        "m --count_ 3 --help",
        "m --text=--count --path -",
        "m --text ten --method go --early True --early never",
        "m --names a b c --count 3",
        "m --maybe-names a b",
        "m --word a --word b --number 3",
        "m --pair --no-pair --single --no-on",
        "m --from x --origin y",
        "m -o y --unknown",
        "m --inner.depth 3 --inner.order 2 --depth 4 --order=2",
        "m --rate None --path None",
        "m --text a -- --anything",
    ],
)
def test_what_is_typed_right_passes(arguments):
    assert slip("prog", Everything, arguments.split()) is None


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("m --text", "wanted a value after --text, got none; write --text VALUE"),
        ("m --text -item", "wanted a value after --text, got none; a value that begins with a dash is written "
         "--text=-item"),
        ("m --count 1.5", "--count: wanted a whole number, got '1.5'; leave --count out for the default"),
        ("m --count=", "--count: wanted a whole number, got ''; leave --count out for the default"),
        ("m --rate hot", "--rate: wanted a number, got 'hot'; leave --rate out for the default"),
        ("m --number x", "--number: wanted a whole number, got 'x'; leave --number out for the default"),
        ("m --method stops", "--method: wanted one of stop, go, got 'stops'; did you mean stop?"),
        ("m --early maybe", "--early: wanted one of True, False, never, got 'maybe'; choose one of them"),
        ("m --order 3", "--order: wanted one of 1, 2, got '3'; choose one of them"),
        ("m --names a --cuont 3", "wanted an option of prog, got --cuont; did you mean --count?"),
        ("m --no_single", "wanted an option of prog, got --no_single; did you mean --single?"),
        ("m --hidden 3", "wanted an option of prog, got --hidden; prog --help lists all"),
        ("m --source x", "wanted an option of prog, got --source; did you mean --order?"),
        ("m --inner.depht 3", "wanted an option of prog, got --inner.depht; did you mean --inner.depth?"),
        ("m --xyz x", "wanted an option of prog, got --xyz; prog --help lists all"),
    ],
)  # fmt: skip
def test_slips_are_explained(arguments, line):
    assert slip("prog", Everything, arguments.split()) == line


def test_every_option_that_help_names_is_known(capsys):
    with pytest.raises(SystemExit, match="0"):
        tyro.cli(Everything, prog="prog", args=["--help"])
    shown = capsys.readouterr().out
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z0-9.-]+)", shown)) - {"--help"}
    assert len(named) > 18
    unknown = [option for option in named if "wanted an option" in (slip("prog", Everything, [f"{option}=1"]) or "")]
    assert unknown == []


@dataclass(frozen=True)
class NoWords:
    names: tuple[str, ...] = ()
    flag: bool = False


@pytest.mark.parametrize(
    ("arguments", "word"), [("x", "x"), ("--flag x", "x"), ("--names=a b", "b"), ("-3", "-3"), ("--names a b", None)]
)
def test_a_word_without_its_option(arguments, word):
    expected = word and f"wanted options, got {word!r}; write --names {word}"
    assert slip("prog", NoWords, arguments.split(), "write --names {word}") == expected


def test_the_nearest_word_or_where_all_are_listed():
    assert nearest("traim", ["train", "fit"], "gpt2") == "did you mean train?"
    assert nearest("x", ["train", "fit"], "gpt2") == "gpt2 --help lists all"


def test_a_frame_that_the_parser_draws_becomes_one_line():
    drawn = "╭─ Value error ─╮\n│ Wanted one,   │\n│ got two.      │\n│ ───────────── │\n│ See --help.   │\n╰───────╯\n"
    without = "\n Value error   \n ------------- \n  Wanted one,   \n  got two.      \n  -------------\n  See --help.\n"
    assert unframed(drawn) == unframed(without) == "Wanted one, got two."
