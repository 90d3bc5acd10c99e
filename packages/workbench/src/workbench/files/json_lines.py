"""JSON Lines: one object a line, in UTF-8.

Lines end at \\n only, or at \\r\\n (`split_lines`): U+2028 and its like may stand in a JSON text as they
are. A byte order mark at the start of a line is dropped.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .texts import shorten

Line = dict[str, Any]
LINE, ONE = "repair the line", "write one object a line"


def read_json_lines(path: str | Path) -> Iterator[tuple[int, Line]]:
    """Number (from 1) and object of each line of a file, one line in memory at a time.

    Raises as `json_objects`, and OSError where there is no such file.
    """
    with Path(path).open("rb") as lines:
        yield from json_objects(lines, path)


def json_objects(lines: Iterable[bytes], name: str | Path) -> Iterator[tuple[int, Line]]:
    """Number (from 1) and object of each line of `name`, which may be open in any way (gzip); empty ones count, but
    give nothing. Raises ValueError, with the number, for a line that is no JSON object in UTF-8."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, parse_object(line, f"line {number} of {name}")


def read_object(path: str | Path) -> Line:
    """The object that a JSON file holds; ValueError as `parse_object`, OSError where there is no such file."""
    return parse_object(Path(path).read_bytes(), str(path), "repair the file")


def parse_object(line: bytes | str, where: str, cure: str = LINE) -> Line:
    """The object in one line; ValueError, with `where` it is, for other bytes than UTF-8 and for anything else."""
    try:
        text = line.decode("utf-8") if isinstance(line, bytes) else line
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ValueError(f"wanted UTF-8, got byte 0x{byte:02x} in {where}; convert the file") from error
    text = text.removeprefix("\ufeff").rstrip("\r\n")
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        why = f"{error.msg} at character {error.pos + 1}"
        raise ValueError(f"wanted a JSON object, got {_said(text)} in {where} ({why}); {cure}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; thousands of brackets
        raise ValueError(f"wanted a JSON object, got {_said(text)} in {where} ({error}); {cure}") from error
    if not isinstance(found, dict):
        raise ValueError(f"wanted a JSON object, got {_said(text)} in {where}; {cure.replace(LINE, ONE)}")
    return found


def _said(text: str) -> str:
    return repr(shorten(text, 40))
