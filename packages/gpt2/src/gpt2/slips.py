"""Slips of the pen in what was typed after `train`: found before the parser, and answered in one line."""

import dataclasses
from collections.abc import Sequence
from itertools import zip_longest

from .training.settings import TrainSettings

_KINDS = {"int": (int, "a whole number"), "float": (float, "a number")}


def slip(arguments: Sequence[str], *more: type) -> str | None:
    """What is wrong with the first slip among the arguments, and what to do; None where there is none.

    more: dataclasses of options that a command has besides those of `train`."""
    if arguments and not arguments[0].startswith("-"):
        return f"wanted options, got {arguments[0]!r}; to learn from a text: --text {arguments[0]}"
    kinds = _number_options((TrainSettings, *more))
    for option, value in _pairs(arguments):
        kind = kinds.get(option.replace("_", "-"))
        if kind is None or value is None or value == "None":
            continue
        try:
            kind[0](value)
        except ValueError:
            return f"{option}: wanted {kind[1]}, got {value!r}; leave {option} out for the default"
    return None


def _number_options(settings: tuple[type, ...]) -> dict[str, tuple[type, str]]:
    options = {}
    for field in (field for kind in settings for field in dataclasses.fields(kind)):
        for name, kind in _KINDS.items():
            if f"{name} | None" in str(field.type):
                options["--" + field.name.replace("_", "-")] = kind
    return options


def _pairs(arguments: Sequence[str]) -> list[tuple[str, str | None]]:
    """Options with what follows them, whether by `=` or as the next word."""
    pairs: list[tuple[str, str | None]] = []
    for word, following in zip_longest(arguments, arguments[1:]):
        if word.startswith("--"):
            option, _, value = word.partition("=")
            pairs.append((option, value if "=" in word else following))
    return pairs
