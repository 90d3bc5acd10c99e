"""What was read, as a few letters: two inputs with the same digest are the same, whatever their names and times are."""

import hashlib
import json
from pathlib import Path
from typing import Any

LETTERS = 16
"""Hexadecimal digits of SHA-256 that are kept: 64 bits tell inputs apart that nobody made to collide."""


def digest(value: Any) -> str:
    """`sha256:` and 16 hexadecimal digits over a text, or over anything that JSON can hold; the order of names does
    not count."""
    content = json.dumps(value, sort_keys=True, separators=(",", ":"))  # in ASCII, half a surrogate pair included
    return _named(hashlib.sha256(content.encode("ascii")))


def file_digest(path: str | Path) -> str:
    """The same over the bytes of a file, a piece in memory at a time. Raises OSError where there is none."""
    with Path(path).open("rb") as file:
        return _named(hashlib.file_digest(file, "sha256"))


def _named(found: Any) -> str:
    return f"sha256:{found.hexdigest()[:LETTERS]}"
