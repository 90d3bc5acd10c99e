"""A JSON object of a file that others wrote."""

import json
from pathlib import Path
from typing import Any


def read_json(path: Path, what: str = "a JSON object of byte-level tokens and ids") -> dict[str, Any]:
    """The object in a file; ValueError where it holds something else, or nests so deep that Python gives up."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: wanted {what}, got {type(error).__name__}: {error}; copy it again") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: wanted {what}, got a {type(content).__name__}; copy it again")
    return content
