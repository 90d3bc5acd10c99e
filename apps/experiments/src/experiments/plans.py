"""A plan: recipes x texts x seeds as data. Each of its runs is known, and known to be possible, before one begins.

seeds = 5

[[texts]]
name = "plays"
path = "plays.txt"

[[recipes]]
name = "dropout"
recipe = "small"
dropout = 0.1
"""

import dataclasses
import json
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_type_hints

from gpt2 import RECIPES, Recipe, TrainSettings, resolved
from gpt2.training.settings import check
from workbench import check_kinds, expanded, line_of, parse_toml, read_utf8

from .facts import digest_of

NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
EMBEDDED = "embedded"
"""The path of the text that comes with Python."""
FIXED = {"text", "out", "recipe", "source", "resume", "seed", "processes", "shard", "profile", "same_bits", "compile"}
"""Settings of `train` that a plan says in its own way, or that have no place in it."""
CHANGES = {one.name: one for one in dataclasses.fields(TrainSettings) if one.name not in FIXED}
"""What a recipe of a plan may change: the options of `train`, by the names of their fields."""
HINTS = get_type_hints(TrainSettings)
DEFAULTS = {one.name: one.default for one in dataclasses.fields(TrainSettings)}
NAMES, SHOW = {one.name for one in RECIPES}, "experiments --help shows one"


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

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from the others of its plan."""
        return self.recipe, self.text, self.seed

    @property
    def name(self) -> str:
        """The same as the name of a folder."""
        return f"{self.recipe}.{self.text}.{self.seed}"

    @property
    def facts(self) -> dict[str, Any]:
        """Everything that decides its result, but for the content of the text."""
        resolved = resolved_recipe(self.base, self.changes)
        kept = {name: self.changes[name] for name in ("tokenizer", "precision", "field") if name in self.changes}
        return json.loads(json.dumps({"recipe": dataclasses.asdict(resolved), "text": self.written, **kept}))

    @property
    def digest(self) -> str:
        """A few letters that change when anything of that does."""
        return digest_of(self.facts)


@dataclass(frozen=True)
class Plan:
    """What is to be run."""

    name: str
    runs: tuple[Run, ...]
    threads: int = 1
    """Of each process."""
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    """`[search]` and `[scale]`, as they stand."""

    @property
    def recipes(self) -> list[str]:
        """Their names, in the order of the plan."""
        return list(dict.fromkeys(run.recipe for run in self.runs))


def read_plan(path: Path) -> Plan:
    """The plan of a TOML file; ValueError for what is none, OSError for a file that cannot be read."""
    if not path.exists():
        raise ValueError(f"{path}: wanted a plan, a TOML file, got no such file; {SHOW}")
    return parse_plan(read_utf8(path), path)


def parse_plan(text: str, path: Path) -> Plan:
    """The plan that a file of this text holds. ValueError in one line with the line and the field that is wrong."""
    found = parse_toml(text, path, SHOW)

    def wrong(message: str, name: str, table: str = "", number: int = 0) -> ValueError:
        return ValueError(f"{path}{line_of(text, name, table, number)}: {message}")

    for name in found:
        if name not in (known := ("seeds", "texts", "recipes", "all", "threads", "search", "scale")):
            raise wrong(f"{name}: wanted one of {', '.join(known)}, got another field; leave it out", name)
    for name in ("all", "search", "scale"):
        if not isinstance(found.get(name, {}), dict):
            raise wrong(f"{name}: wanted a table, got {found[name]!r}; write [{name}]", name)
    try:
        seeds = _seeds(found.get("seeds"))
        threads = _whole(found.get("threads", 1), "threads", least=1)
    except ValueError as error:
        raise wrong(str(error), str(error).partition(":")[0]) from None
    texts, recipes = (_named(found.get(name), name, wrong) for name in ("texts", "recipes"))
    paths: dict[str, str | None] = {}
    for number, (name, one) in enumerate(texts.items()):
        if one.keys() != {"path"} or not isinstance(one["path"], str) or not one["path"]:
            raise wrong(
                f'path: wanted the path of text {name}, got {one!r}; write path = "FILE"', "path", "texts", number
            )
        if one["path"] == EMBEDDED or one["path"].startswith("hf://"):
            paths[name] = None if one["path"] == EMBEDDED else one["path"]
            continue
        paths[name] = str(place := _beside(path, one["path"]))
        if not _is_there(place):
            raise wrong(f"path: wanted a text that is there, got {place}; check the path", "path", "texts", number)
    runs = []
    for number, (name, one) in enumerate(recipes.items()):
        whole = {**found.get("all", {}), **one}
        try:
            chosen, made = checked(path, whole.get("recipe"), whole)
        except (ValueError, OSError) as error:
            at = str(error).partition(":")[0].removeprefix("--").replace("-", "_")
            where = ("recipes", number) if at in one or at not in found.get("all", {}) else ("all", 0)
            raise wrong(f"recipe {name}: {error}", at, *where) from None
        of_text = [(text, paths[text], texts[text]["path"]) for text in paths]
        runs += [Run(name, text, seed, chosen, path, made, told) for text, path, told in of_text for seed in seeds]
    tables: dict[str, dict[str, Any]] = {name: found[name] for name in ("search", "scale") if name in found}
    return Plan(path.stem, tuple(runs), threads, tables)


def resolved_recipe(base: str, changes: dict[str, Any]) -> Recipe:
    """A recipe with changes, as `train` would have it for a megabyte of text; ValueError for what cannot be."""
    return resolved(TrainSettings(recipe=named(base), **changes), 10**6)


def named(base: str) -> Any:
    """What `TrainSettings.recipe` takes: a recipe's name as it is, anything else as a path."""
    return base if base in NAMES and not _is_recipe(Path(base)) else Path(base)


def checked(path: Path, base: Any, changes: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Base and changes of one recipe, tried: ValueError for what cannot be. path: of the plan, for a base beside it."""
    if not isinstance(base, str):
        raise ValueError(f'recipe: wanted a name or a file, got {base!r}; write recipe = "small"')
    made = {name: value for name, value in changes.items() if name != "recipe"}
    for name, value in made.items():
        check_name(name)
        if isinstance(value, (dict, list)):
            raise ValueError(
                f"{name}: wanted one value, got {value!r}; a recipe for each value, or `experiments search`"
            )
    chosen = str(beside) if _is_recipe(beside := _beside(path, base)) else base
    for name, value in made.items():
        if type(value) is int and float in get_args(HINTS[name]):
            made[name] = float(value)
    probe = object.__new__(TrainSettings)  # kinds first: what is made of wrong ones complains in other words
    for name, one in CHANGES.items():
        object.__setattr__(probe, name, made.get(name, one.default))
    for name in FIXED:
        object.__setattr__(probe, name, DEFAULTS[name])
    try:
        check_kinds(probe)
    except TypeError as error:
        raise ValueError(str(error)) from None
    check(TrainSettings(recipe=named(chosen), **made))
    resolved_recipe(chosen, made)
    return chosen, made


def check_name(name: str) -> None:
    """ValueError for what no recipe can change."""
    if name not in CHANGES:
        near = get_close_matches(name, CHANGES, n=1)
        advice = f"did you mean {near[0]}?" if near else "train --help lists all, with dashes"
        raise ValueError(f"{name}: wanted an option of train, got an unknown one; {advice}")


def _named(found: Any, what: str, wrong: Any) -> dict[str, dict[str, Any]]:
    """The tables of a list by their names, without them."""
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        got = "none" if not found else repr(found)[:60]
        raise wrong(f"{what}: wanted at least one [[{what}]], got {got}; add one with a name", what)
    for number, one in enumerate(found):
        name = one.get("name")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise wrong(
                f"name: wanted 1 to 40 letters, digits, - and _, got {name!r}; name each of [[{what}]]",
                "name",
                what,
                number,
            )
    counts = Counter(one["name"] for one in found)
    for number, one in enumerate(found):
        if counts[one["name"]] > 1 and one["name"] in [other["name"] for other in found[:number]]:
            raise wrong(
                f"name: wanted another name, got {one['name']} again; rename one of [[{what}]]", "name", what, number
            )
    return {one["name"]: {key: value for key, value in one.items() if key != "name"} for one in found}


def _seeds(found: Any) -> list[int]:
    if isinstance(found, int) and not isinstance(found, bool):
        found = list(range(found))
    if not isinstance(found, list) or not found:
        raise ValueError(f"seeds: wanted at least one seed, got {found!r}; write seeds = [0, 1, 2, 3, 4], or seeds = 5")
    for seed in found:
        _whole(seed, "seeds", least=0)
    if len(set(found)) < len(found):
        raise ValueError(f"seeds: wanted each seed once, got {found}; a second run with a seed is the first again")
    return found


def _whole(value: Any, name: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**63:
        raise ValueError(f"{name}: wanted whole numbers of at least {least}, got {value!r}; correct it")
    return value


def _beside(plan: Path, name: str) -> Path:
    """A path as it stands in a plan, from the plan's folder on."""
    return Path(os.path.abspath(plan.parent / expanded(name)))


def _is_recipe(path: Path) -> bool:  # and not the folder of a sweep, whose plan may be named after a recipe
    return path.is_file() or (path / "run.json").is_file()


def _is_there(path: Path) -> bool:
    return path.exists() or any(one in str(path) for one in "*?[")
