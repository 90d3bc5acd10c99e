"""Whether the fields of a dataclass hold what their annotations say: Python asks nobody, and JSON may say anything."""

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

WORDS = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "True or False",
    Path: "a path",
    NoneType: "None",
    dict: "a dictionary",
}


def check_kinds(record: Any, where: str = "") -> None:
    """TypeError that names the first field whose value is not of its kind; fields that are dataclasses are looked into.

    True is no number; a whole number is a number; a path may be a text; a list may stand for a tuple, as in JSON.
    where: what stands before the name of the field.
    """
    hints = get_type_hints(type(record))  # without what Annotated adds
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if not _holds(hints[field.name], value):
            raise TypeError(
                f"{where}{field.name}: wanted {_words(hints[field.name])}, got {repr(value)[:80]}; give it one"
            )
        if dataclasses.is_dataclass(value):
            check_kinds(value, f"{where}{field.name}.")


def _holds(hint: Any, value: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(_holds(one, value) for one in arguments)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in arguments)
    if isinstance(value, bool):
        return hint is bool
    if hint in (float, Path):
        return isinstance(value, (int, float) if hint is float else (str, Path))
    kind = origin or hint
    if not isinstance(kind, type):
        return True
    if issubclass(kind, Mapping):
        return isinstance(value, Mapping)
    if issubclass(kind, Collection) and kind is not str:
        return isinstance(value, list | tuple | kind) and all(
            _holds(arguments[0] if arguments else Any, v) for v in value
        )
    return isinstance(value, kind)


def _words(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(map(_words, arguments))
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    return WORDS.get(origin or hint, f"a {getattr(origin or hint, '__name__', hint)}")
