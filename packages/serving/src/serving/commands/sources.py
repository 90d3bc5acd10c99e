"""Which models a command names, and what requests call them."""

from collections.abc import Sequence
from pathlib import Path

from workbench import expanded

OUTER = ("model", "tokenizer", "checkpoints")
"""Folders inside a run, whose names say nothing: the run's name does."""


def named_sources(source: str | None, named: Sequence[str]) -> dict[str, str]:
    """Sources by the names of their models: first the one without a name, then those of the form NAME=SOURCE.
    ValueError for none, for another form, and for a name that is given twice."""
    pairs = [] if source is None else [(name_of(source), _home(source))]
    for one in named:
        name, equals, place = one.partition("=")
        if not (name and equals and place):
            raise ValueError(f"--model: wanted NAME=SOURCE, got {one!r}; such as --model small=runs/001")
        pairs.append((name, _home(place)))
    if not pairs:
        raise ValueError(
            "wanted a model to serve, got none; give the folder that training wrote: serving run RUN/model"
        )
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(
            f"--model: wanted a name for each model, got {twice[0]!r} twice; choose another with NAME=SOURCE"
        )
    return dict(pairs)


def name_of(source: str) -> str:
    """What requests call a model whose name nobody said: its folder's, the run's where it lies in a run, or its name on
    the hub."""
    place = Path(_home(source))
    if not place.exists():
        return source
    place = place.resolve()
    while place.name in OUTER or place.parent.name == "checkpoints":
        place = place.parent
    return place.stem if place.is_file() else place.name


def _home(source: str) -> str:
    return str(expanded(source)) if source.startswith("~") else source
