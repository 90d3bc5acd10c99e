"""Recipes as files: written as TOML with a comment for every field, and read back; a run's `run.json` is one, too."""

import dataclasses
import json
import textwrap
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from workbench import check_kinds, line_of, parse_object, parse_toml, read_utf8

from ..config import GPT2Config
from ..recipes import RECIPES, Recipe, RecipeName, recipe, unknown
from .recipe_fields import check_ranges, docstrings


def known_name(which: str | Path) -> RecipeName | Path:
    """A recipe's name as it is, anything else as a path."""
    return cast(RecipeName, str(which)) if str(which) in {one.name for one in RECIPES} else Path(which)


def chosen_recipe(which: str | Path, n_bytes: int | None = None) -> Recipe:
    """The recipe of a name (see `recipe`), or of a file: TOML, a run's `run.json`, or a run folder.

    A file's recipe is taken as it stands, whatever the size of the text. ValueError for what is none, with line and
    field; OSError for a file that cannot be read.
    """
    name = known_name(which)
    if isinstance(name, str):
        return recipe(name, n_bytes)
    path = name / "run.json" if name.is_dir() else name
    if not path.suffix and not path.exists():
        raise unknown(str(which))
    return parse_recipe(read_utf8(path), path)


def parse_recipe(text: str, path: Path) -> Recipe:
    """The recipe that a file of this text holds; `path` is for errors, and for its kind: `.json`, else TOML."""
    is_json = path.suffix == ".json"
    try:
        found: Any = parse_object(text, "it") if is_json else None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: wanted a run's run.json, got something else: {error}; name another file") from None
    if not is_json:
        found = parse_toml(text, path, "`gpt2 recipe tiny` shows one")
    if is_json and not isinstance(found := found.get("recipe"), dict):
        raise ValueError(f"{path}: wanted the run.json of a run of `train`, got one without a recipe; name another")
    shape = found.get("config")
    if not isinstance(shape, dict):
        got = "none" if shape is None else repr(shape)[:80]
        raise ValueError(
            f"{path}{line_of(text, 'config')}: config: wanted the shape as a table, got {got}; add [config]"
        )
    whole = {"name": path.stem, **found}
    try:
        config = _made(GPT2Config, shape, "config.")
        made: Recipe = _made(Recipe, {**whole, "config": config}, "")
        check_ranges(made)
    except (ValueError, TypeError) as error:
        message = str(error)
        field = message.partition(":")[0].rpartition(".")[2]
        raise ValueError(f"{path}{line_of(text, field)}: {message}") from None
    return made


def _made(kind: Any, values: dict[str, Any], where: str) -> Any:
    """A dataclass of these values; ValueError or TypeError that begins with the field that is wrong."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name in values:
        if name not in fields:
            near = get_close_matches(name, fields, n=1)
            advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(fields)}"
            raise ValueError(f"{where}{name}: wanted a field of a recipe, got an unknown one; {advice}")
    for name, field in fields.items():
        if name not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{where}{name}: wanted a value, got none; add it")
    unchecked = object.__new__(kind)  # kinds first: what is made of wrong ones complains in other words
    for name, field in fields.items():
        value = values.get(name, field.default)
        if field.type in (float, "float") and type(value) is int:
            value = float(value)
        object.__setattr__(unchecked, name, value)
    check_kinds(unchecked, where)
    try:
        return kind(**{name: getattr(unchecked, name) for name in fields})
    except ValueError as error:
        raise ValueError(f"{where}{error}") from None


def as_toml(made: Recipe) -> str:
    """A recipe as TOML: every field below a comment of what it is. `parse_recipe` reads it back as an equal one."""
    lines = [f"# Recipe {made.name}: train --recipe FILE.toml", *_fields(made)]
    return "\n".join([*lines, "", "[config]", *_fields(made.config)]) + "\n"


def _fields(made: Any) -> list[str]:
    told, lines = docstrings(made.__class__), []
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        if dataclasses.is_dataclass(value):
            lines += [f"# config: {line}" for line in told.get(field.name, "").splitlines()]
            continue
        lines += ["", *textwrap.wrap(told.get(field.name, ""), 98, initial_indent="# ", subsequent_indent="# ")]
        lines.append(f"# {field.name}: none" if value is None else f"{field.name} = {_value(value)}")
    return lines


def _value(value: Any) -> str:
    if isinstance(value, float):
        return repr(value)  # 1e-05, inf and nan are TOML as they are
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
