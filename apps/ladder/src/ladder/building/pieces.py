"""The pieces of a build: which function of which exercise is what part of a GPT-2 and of its training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..assembled import Pieces
from ..processes.attempts import load
from .plan import FUNCTIONS, needed


@dataclass(frozen=True)
class Assembly:
    """All pieces, by the names of their functions."""

    functions: Mapping[str, Callable[..., Any]]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        try:
            return self.functions[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def model(self) -> Pieces:
        """Those of the model itself."""
        return Pieces(**{name: self.functions[name] for name in Pieces.__dataclass_fields__})


def assembly(paths: Mapping[str, Path]) -> Assembly:
    """The functions from these files, by the names of their exercises; our solution where there is no file."""
    found: dict[str, Callable[..., Any]] = {}
    for exercise in needed():
        if exercise.name in paths:
            module = vars(load(exercise, paths[exercise.name]))
        else:
            module = {"__name__": f"solution_of_{exercise.name}"}
            exec(compile(exercise.solution, str(exercise.path), "exec"), module)
        found |= {name: module[name] for name in FUNCTIONS[exercise.name]}
    return Assembly(found)
