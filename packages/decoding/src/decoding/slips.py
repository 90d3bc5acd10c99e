"""Slips of the pen in what was typed after `decoding`: found before the parser, and answered in one line."""

import dataclasses
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import groupby, zip_longest
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import tyro

WORDS = {int: "a whole number", float: "a number"}
Option = tuple[object, ...]
"""What an option may be: int, float or str, and words as they are typed; of a switch nothing, of a list `Sequence`."""


def slip(command: str, kind: type, arguments: Sequence[str]) -> str | None:
    """What is wrong with the first slip among the arguments of a command, whose options are the fields of `kind`, and
    what to do; None where there is none, and for what only the parser sees."""
    options = _options(kind)
    for word, following in zip_longest(arguments, arguments[1:]):
        if not word.startswith("--") or word == "--" or {"-h", "--help"} & set(arguments):
            continue
        typed, given, value = word.partition("=")
        option = typed.replace("_", "-")
        if option not in options:
            return f"wanted an option of decoding {command}, got {typed}; {nearest(option, options, command)}"
        if found := _wrong_value(option, value if given else following, bool(given), options[option]):
            return found
    return None


def nearest(word: str, known: Iterable[str], command: str = "") -> str:
    """Which known word was meant, or where all are listed."""
    near = get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]}?" if near else f"{' '.join(['decoding', command]).strip()} --help lists all"


def unframed(box: str) -> str:
    """What the parser says below the title of its frame, drawn or in ASCII, up to the next rule, as one line."""
    lines = [line for framed in box.splitlines() if (line := framed.strip(" │╭╮╰╯"))]
    parts = [list(part) for is_rule, part in groupby(lines[1:], lambda line: not line.strip("─-")) if not is_rule]
    return " ".join(parts[0] if parts else lines)


def _wrong_value(option: str, value: str | None, given: bool, allowed: Option) -> str | None:
    if not allowed or allowed == (Sequence,):
        return None
    if not given and (value is None or (value.startswith("-") and value != "-" and not _is(float, value))):
        begins = "" if value is None else f"; a value that begins with a dash is written {option}={value}"
        return f"wanted a value after {option}, got none{begins or f'; write {option} VALUE'}"
    kinds = [kind for kind in WORDS if kind in allowed]
    if value in allowed or str in allowed or any(_is(kind, value) for kind in kinds):
        return None
    if kinds:
        return f"{option}: wanted {WORDS[kinds[-1]]}, got {value!r}; leave {option} out for the default"
    choices = [str(one) for one in allowed if one != "None"]
    near = get_close_matches(str(value), choices, n=1)
    advice = f"did you mean {near[0]}?" if near else "choose one of them"
    return f"{option}: wanted one of {', '.join(choices)}, got {value!r}; {advice}"


def _is(kind: Any, value: object) -> bool:
    try:
        kind(value)
    except ValueError:
        return False
    return True


def _options(kind: type) -> dict[str, Option]:
    options: dict[str, Option] = {}
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        typed, allowed = "--" + name.replace("_", "-"), _allowed(hint)
        if allowed and dataclasses.is_dataclass(allowed[0]):
            options |= _options(allowed[0])  # type: ignore[arg-type]
        elif tyro.conf.Positional not in _marks(hint):
            options[typed] = allowed
            if not allowed and defaults[name] is True:
                options["--no-" + typed[2:]] = ()
    return options


def _marks(hint: Any) -> tuple[object, ...]:
    return hint.__metadata__ if get_origin(hint) is Annotated else ()


def _allowed(hint: Any) -> Option:
    """The values of one option by its annotation."""
    if get_origin(hint) is Annotated:
        return (str,) if tyro.conf.UseAppendAction in _marks(hint) else _allowed(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return tuple(one for part in get_args(hint) for one in (("True", "False") if part is bool else _allowed(part)))
    if get_origin(hint) is Literal:
        return get_args(hint)
    if hint is bool:
        return ()
    if hint is type(None):
        return ("None",)
    if hint in (int, float) or dataclasses.is_dataclass(hint):
        return (hint,)
    return (Sequence,) if get_origin(hint) is tuple else (str,)
