"""What decides the result of a run, as plain data: two runs of equal facts are one, and facts say what differs."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpt2 import RECIPES, Recipe, TrainSettings, resolved

NAMES = {one.name for one in RECIPES}


@dataclass(frozen=True)
class Run:
    """One training run of a plan."""

    recipe: str
    text: str
    seed: int
    base: str
    """Name or file of the recipe that it starts from."""
    path: str | None
    """Of the text; None for the one that comes with Python."""
    changes: dict[str, Any] = field(default_factory=dict)
    """What it does otherwise than its base."""
    written: str = ""
    """The path as it stands in the plan: the same on every machine, from wherever the plan is called."""
    n_bytes: int = 10**6
    """Of the text, where the recipe goes by them."""

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from the others of its plan."""
        return self.recipe, self.text, self.seed

    @property
    def name(self) -> str:
        """The same as the name of a folder."""
        return f"{self.recipe}.{self.text}.{self.seed}"

    @property
    def resolved(self) -> Recipe:
        """The recipe as `train` has it for this text; ValueError for what cannot be."""
        return resolved(TrainSettings(recipe=named(self.base), **self.changes), self.n_bytes)

    @property
    def facts(self) -> dict[str, Any]:
        """Everything that decides its result, but for the content of the text."""
        kept = {name: self.changes[name] for name in ("tokenizer", "precision", "field") if name in self.changes}
        return json.loads(json.dumps({"recipe": dataclasses.asdict(self.resolved), "text": self.written, **kept}))

    @property
    def digest(self) -> str:
        """A few letters that change when anything of that does."""
        return digest_of(self.facts)


def named(base: str) -> Any:
    """What `TrainSettings.recipe` takes: a recipe's name as it is, anything else as a path."""
    return base if base in NAMES and not is_recipe(Path(base)) else Path(base)


def is_recipe(path: Path) -> bool:
    """Whether it holds one; the folder of a sweep, whose plan may be named after a recipe, holds none."""
    return path.is_file() or (path / "run.json").is_file()


def digest_of(facts: dict[str, Any]) -> str:
    """That of a run of these facts. What is off, zero or none is left out: a switch that comes later changes none."""
    on = json.dumps({name: value for name, value in flat(facts).items() if value}, sort_keys=True)
    return hashlib.sha256(on.encode()).hexdigest()[:16]


def flat(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a run, those of its recipe and its shape among them, in one table."""
    rest = {name: value for name, value in facts.items() if name != "recipe"}
    return {**facts["recipe"], "config": None, **facts["recipe"]["config"], **rest}


def differences(first: dict[str, Any], second: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each field, by its name in `train`, that two runs do not have in common, and both values."""
    one, other = flat(first), flat(second)
    for name in dict.fromkeys([*one, *other]):
        if name != "name" and (one.get(name) or other.get(name)) and one.get(name) != other.get(name):
            yield name, one.get(name), other.get(name)
