"""Paths as people type them."""

import dataclasses
import os
from pathlib import Path
from typing import Any


def expanded(path: str | Path) -> Path:
    """The path with `~`, or `~user`, as that folder; a name that only begins so (`~backup.txt`) stays.

    ValueError for `~` where there is no home folder: taken as a name, it would make a folder of that name.
    """
    text = os.path.expanduser(path)
    if text == "~" or text.startswith(("~/", f"~{os.sep}")):
        raise ValueError(f"wanted a home folder for ~ in {path}, got none; write the whole path, or set HOME")
    return Path(text)


def with_expanded_paths(settings: Any) -> Any:
    """A dataclass with `expanded` paths in place of its own; tuples of paths and dataclasses within it, too."""
    if isinstance(settings, Path):
        return expanded(settings)
    if isinstance(settings, tuple) and type(settings) is tuple:
        return tuple(map(with_expanded_paths, settings))
    if not dataclasses.is_dataclass(settings) or isinstance(settings, type):
        return settings
    old = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings) if field.init}
    new = {name: with_expanded_paths(value) for name, value in old.items()}
    changed = {name: value for name, value in new.items() if value != old[name]}
    return dataclasses.replace(settings, **changed) if changed else settings
