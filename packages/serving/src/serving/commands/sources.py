"""Which models a command names, and what requests call them."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from workbench import expanded

OUTER = ("model", "tokenizer", "checkpoints")
"""Folders inside a run, whose names say nothing: the run's name does."""


def named_sources(source: str | None, named: Sequence[str]) -> dict[str, str]:
    """Sources by the names of their models: first the one without a name, then those of the form NAME=SOURCE.
    ValueError for none, for another form, and for a name that is given twice."""
    pairs = [] if source is None else [(name_of(source), _home(source))]
    pairs += _pairs("model", "SOURCE", named)
    if not pairs:
        raise ValueError(
            "wanted a model to serve, got none; give the folder that training wrote: serving run RUN/model"
        )
    _check_different("model", "SOURCE", [name for name, _ in pairs])
    return dict(pairs)


def named_adapters(named: Sequence[str], models: Iterable[str]) -> dict[str, str]:
    """Folders of adapters, of the form NAME=DIR, by names that none of the models has. ValueError for another form, a
    name that is given twice, and a folder that is not there."""
    pairs = _pairs("adapter", "DIR", named)
    _check_different("adapter", "DIR", [*models, *(name for name, _ in pairs)])
    for name, place in pairs:
        if not Path(place).is_dir():
            raise ValueError(
                f"--adapter {name}: wanted the folder of an adapter, got {place}; name the one that exists"
            )
    return dict(pairs)


def _pairs(option: str, what: str, named: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for one in named:
        name, equals, place = one.partition("=")
        if not (name and equals and place):
            raise ValueError(f"--{option}: wanted NAME={what}, got {one!r}; such as --{option} small=runs/001")
        pairs.append((name, _home(place)))
    return pairs


def _check_different(option: str, what: str, names: Sequence[str]) -> None:
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(
            f"--{option}: wanted a name for each {option}, got {twice[0]!r} twice; choose another with NAME={what}"
        )


def name_of(source: str) -> str:
    """What requests call a model whose name nobody said: its folder's as it was written (a link's own name, too), the
    run's where it lies in a run, or its name on the hub."""
    place = Path(_home(source))
    if not place.exists():
        return source
    place = Path(os.path.abspath(place))  # absolute() would keep `..` as a name
    while place.name in OUTER or place.parent.name == "checkpoints":
        place = place.parent
    return place.stem if place.is_file() else place.name


def _home(source: str) -> str:
    return str(expanded(source)) if source.startswith("~") else source
