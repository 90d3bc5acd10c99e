"""TOML that a person wrote: read, and each complaint about it with the line that it is about."""

import re
import tomllib
from pathlib import Path
from typing import Any


def parse_toml(text: str, path: Path, advice: str) -> dict[str, Any]:
    """What a TOML file of this text says; ValueError with the line for what is none. advice: what to do about it."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: wanted TOML, got something else: {error}; {advice}") from None


def line_of(text: str, field: str, table: str = "", number: int = 0) -> str:
    """`, line N` of the first line that gives a field its value, or opens the table of that name; else nothing.

    table: look below the heading of that table only; number: of several with that heading, counted from 0. The line of
    the heading itself where the field is not there.
    """
    name = re.escape(field)
    gives = re.compile(rf"""(^|[\s{{,.])["']?{name}["']?\s*[=:]|^\s*\[+\s*([\w.-]+\.)?{name}\s*\]+""")
    heading = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]")
    first, seen, inside = 0, -1, not table
    for line_number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#"):
            continue
        if table and (opened := heading.match(line)):
            seen += opened[1] == table
            inside = seen == number and (opened[1] == table or opened[1].startswith(f"{table}."))
            first = first or line_number * (inside and opened[1] == table)
        if inside and gives.search(line):
            return f", line {line_number}"
    return f", line {first}" if first else ""
