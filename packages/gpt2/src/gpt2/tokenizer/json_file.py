"""A JSON object of a file that others wrote."""

from pathlib import Path
from typing import Any

from workbench import read_object


def read_json(path: Path, what: str = "a JSON object of byte-level tokens and ids") -> dict[str, Any]:
    """The object in a file of `what`, with or without a byte order mark.

    Raises ValueError that names the file where it holds something else or nests so deep that Python gives up, OSError
    where there is none.
    """
    try:
        return read_object(path)
    except ValueError as error:
        raise ValueError(f"{path}: wanted {what}, got another: {error}") from None
