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
import os
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_type_hints

from dataio import text_paths
from gpt2 import TrainSettings
from gpt2.training.settings import check
from workbench import check_kinds, expanded, line_of, parse_toml, plain, read_utf8

from .facts import Run, is_recipe, named

NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
EMBEDDED = "embedded"
"""The path of the text that comes with Python."""
FIXED = {"text", "out", "recipe", "source", "resume", "seed", "processes", "shard", "profile", "same_bits", "compile"}
"""Settings of `train` that a plan says in its own way, or that have no place in it."""
CHANGES = {one.name: one for one in dataclasses.fields(TrainSettings) if one.name not in FIXED}
"""What a recipe of a plan may change: the options of `train`, by the names of their fields."""
HINTS = get_type_hints(TrainSettings)
DEFAULTS = {one.name: one.default for one in dataclasses.fields(TrainSettings)}
MOST = 10_000
"""Seeds of a plan."""
SHOW = "experiments --help shows one"


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
        threads = _whole(found.get("threads", 1), "threads", 1, 1024)
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
        paths[name] = str(there := _beside(path, one["path"]))
        try:
            text_paths(there)
        except (ValueError, OSError) as error:
            raise wrong(f"path: {plain(error)}", "path", "texts", number) from None
    runs, sizes = list[Run](), dict[tuple[str, Any], int]()
    for number, (name, one) in enumerate(recipes.items()):
        whole = {**found.get("all", {}), **one}
        try:
            chosen, made = checked(path, whole.get("recipe"), whole)
            for title, place in paths.items():
                run = Run(name, title, 0, chosen, place, made, texts[title]["path"])
                if named(chosen) == "quick":
                    key = title, made.get("field")
                    sizes[key] = sizes.get(key) or _size(run)
                    run = dataclasses.replace(run, n_bytes=sizes[key])
                _ = run.resolved  # or it says why there can be none
                runs += [dataclasses.replace(run, seed=seed) for seed in seeds]
        except (ValueError, OSError) as error:
            at = str(error).partition(":")[0].removeprefix("--").replace("-", "_")
            where = ("recipes", number) if at in one or at not in found.get("all", {}) else ("all", 0)
            raise wrong(f"recipe {name}: {plain(error)}", at, *where) from None
    tables: dict[str, dict[str, Any]] = {name: found[name] for name in ("search", "scale") if name in found}
    return Plan(path.stem, tuple(runs), threads, tables)


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
    chosen = str(beside) if is_recipe(beside := _beside(path, base)) else base
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
    for number, one in enumerate(found):  # names of different case are one folder on some systems
        if one["name"].lower() in [other["name"].lower() for other in found[:number]]:
            raise wrong(
                f"name: wanted another name, got {one['name']} again; rename one of [[{what}]]", "name", what, number
            )
    return {one["name"]: {key: value for key, value in one.items() if key != "name"} for one in found}


def _seeds(found: Any) -> list[int]:
    if isinstance(found, int) and not isinstance(found, bool) and 0 < found <= MOST:
        found = list(range(found))
    if not isinstance(found, list) or not found:
        raise ValueError(
            f"seeds: wanted 1 to {MOST:,} seeds, got {found!r}; write seeds = [0, 1, 2, 3, 4], or seeds = 5"
        )
    for seed in found:
        _whole(seed, "seeds", 0, 2**63 - 1)
    if len(set(found)) < len(found):
        raise ValueError(f"seeds: wanted each seed once, got {found}; a second run with a seed is the first again")
    return found


def _whole(value: Any, name: str, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name}: wanted whole numbers from {least} to {most:,}, got {value!r}; correct it")
    return value


def _beside(plan: Path, name: str) -> Path:
    """A path as it stands in a plan, from the plan's folder on."""
    return Path(os.path.abspath(plan.parent / expanded(name)))


def _size(run: Run) -> int:
    """Bytes of its text, by which its recipe goes."""
    from gpt2.texts.sources import n_bytes_of

    return n_bytes_of(run.path, run.changes.get("field"))
