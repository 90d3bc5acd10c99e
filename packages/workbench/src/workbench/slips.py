"""Slips of the pen in what was typed: found before the parser, and answered in one line that says what to type."""

import dataclasses
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import groupby
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

WORDS = {int: "a whole number", float: "a number"}
Option = tuple[object, ...]
"""What an option may be: int, float or str, and words as they are typed; of a switch nothing, of a list `Sequence`."""


def slip(prog: str, kind: Any, arguments: Sequence[str], bare: str = "") -> str | None:
    """What is wrong with the first slip among the arguments of a command, whose options are the fields of the dataclass
    `kind`, and what to do; None where there is none, and for what only the parser sees.

    prog: the command as it is typed, such as `decoding generate`.
    bare: what to do about a word without its option, `{word}` in it is that word; only for a command that takes none.
    """
    if {"-h", "--help"} & set(arguments):
        return None
    options, takes_words = _options(kind)
    for typed, value, given in _typed(arguments, options):
        if not typed:
            if value is not None and not takes_words:
                return f"wanted options, got {value!r}; {bare.format(word=value) or f'{prog} --help lists all'}"
            continue
        option = _name(typed)
        if option not in options:
            return f"wanted an option of {prog}, got {typed}; {nearest(option, options, prog)}"
        if found := _wrong_value(option, value, given, options[option]):
            return found
    return None


def nearest(word: str, known: Iterable[str], prog: str) -> str:
    """Which known word was meant, or where all are listed."""
    near = get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]}?" if near else f"{prog} --help lists all"


def unframed(box: str) -> str:
    """What the parser says below the title of its frame, drawn or in ASCII, up to the next rule, as one line."""
    lines = [line for framed in box.splitlines() if (line := framed.strip(" │╭╮╰╯"))]
    parts = [list(part) for is_rule, part in groupby(lines[1:], lambda line: not line.strip("─-")) if not is_rule]
    return " ".join(parts[0] if parts else lines)


def missing(box: str, prog: str, kind: Any) -> str | None:
    """What the parser misses, by its frame, and how the command is typed; None where it says something else."""
    frame = re.search(r"^([^\w\n]*)Missing from ", box, re.MULTILINE)
    if frame is None:
        return None
    names = re.findall(rf"^{re.escape(frame[1])}    (\S+)(?!.* --help\W*$)", box, re.MULTILINE)
    return f"wanted {' and '.join(names)}, got none; usage: {_usage(prog, kind)}"


def _usage(prog: str, kind: Any) -> str:
    """The command with all that it must be given, in the order in which it is declared."""
    hints, words = get_type_hints(kind, include_extras=True), [prog]
    for field in dataclasses.fields(kind):
        marks = _marks(hints[field.name])
        metavar = next((mark.metavar for mark in marks if getattr(mark, "metavar", None)), field.name.upper())
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if _has(marks, "Positional"):
            words.append(metavar if required else f"[{metavar}]")
        elif required:
            words.append(f"--{_dashed(field.name)} {metavar}")
    return " ".join([*words, "[options]"])


def _name(typed: str) -> str:
    return "--" + typed[2:].replace("_", "-")


def _typed(arguments: Sequence[str], options: Mapping[str, Option]) -> Iterator[tuple[str, str | None, bool]]:
    """Options with the value given by `=` (then True) or the next word; a word that belongs to none has no option.

    Short options (-k) are the parser's, and so is all after them or after `--`."""
    words = list(arguments)
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-" or _is(float, word):
            yield "", word, False
            continue
        if not word.startswith("--") or word == "--":
            return
        typed, given, value = word.partition("=")
        yield typed, value if given else words[0] if words else None, bool(given)
        allowed = options.get(_name(typed), ())
        if not given and Sequence in allowed:
            while words and not _begins_an_option(words[0]):
                words.pop(0)
        elif not given and allowed and words:
            words.pop(0)


def _begins_an_option(word: str) -> bool:
    return word.startswith("-") and word != "-" and not _is(float, word)


def _wrong_value(option: str, value: str | None, given: bool, allowed: Option) -> str | None:
    if not allowed or Sequence in allowed:
        return None
    if not given and (value is None or _begins_an_option(value)):
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


def _options(kind: Any, prefix: str = "") -> tuple[dict[str, Option], bool]:
    """The options by their names, and whether there are words without a name; nested dataclasses included."""
    options: dict[str, Option] = {}
    takes_words = False
    hints = get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        hint, marks = hints[field.name], _marks(hints[field.name])
        name = next((mark.name for mark in marks if getattr(mark, "name", None) is not None), field.name)
        allowed = _allowed(hint)
        if _has(marks, "Suppress") or not field.init:
            continue
        if _has(marks, "Positional"):
            takes_words = True
        elif allowed and dataclasses.is_dataclass(allowed[0]):
            bare_names = name == "" or _has(marks, "OmitArgPrefixes")
            more, words = _options(allowed[0], "" if bare_names else f"{prefix}{_dashed(name)}.")
            options, takes_words = options | more, takes_words or words
        else:
            aliases = [alias for mark in marks for alias in getattr(mark, "aliases", None) or ()]
            names = [f"--{prefix}{_dashed(name)}", *aliases]
            options |= dict.fromkeys(names, allowed) if allowed else _switches(names, field, marks)
    return options, takes_words


def _switches(names: Sequence[str], field: "dataclasses.Field[Any]", marks: Collection[object]) -> dict[str, Option]:
    """On and off; where only one of the two changes anything and no pair is wanted, that one."""
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return dict.fromkeys(names, ("True", "False"))
    off = [f"--no-{name[2:]}" for name in names if name.startswith("--")]
    if not _has(marks, "FlagCreatePairsOff"):
        return dict.fromkeys([*names, *off], ())
    return dict.fromkeys(off if field.default is True else names, ())


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _has(marks: Collection[object], name: str) -> bool:
    """Whether tyro's marker of that name is among them."""
    import tyro

    return getattr(tyro.conf, name) in marks


def _marks(hint: Any) -> tuple[Any, ...]:
    return hint.__metadata__ if get_origin(hint) is Annotated else ()


def _allowed(hint: Any) -> Option:
    """The values of one option by its annotation."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if _has(_marks(hint), "UseAppendAction") and get_args(arguments[0]):
            return _allowed(get_args(arguments[0])[0])
        return _allowed(arguments[0])
    if origin in (Union, UnionType):
        return tuple(one for part in arguments for one in (("True", "False") if part is bool else _allowed(part)))
    if origin is Literal:
        return tuple(map(str, arguments))
    if hint is bool:
        return ()
    if hint is type(None):
        return ("None",)
    if hint in (int, float) or dataclasses.is_dataclass(hint):
        return (hint,)
    return (Sequence,) if isinstance(origin, type) and issubclass(origin, Collection) else (str,)
