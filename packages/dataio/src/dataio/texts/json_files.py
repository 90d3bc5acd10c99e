"""`.json` files: a list of records, lines of records as other tools write them, or anything else, which is text."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from workbench import decode_utf8

from .corpora import Document
from .files import opened
from .records import LONGEST, text_of

HEAD = 2**20  # bytes that tell the kind
BLOCK = 2**20
SPACE = " \t\r\n"
Kind = Literal["list", "lines"]


def is_json(path: Path) -> bool:
    """Whether a file is JSON by its name."""
    return path.name.lower().endswith((".json", ".json.gz"))


def json_kind(path: Path) -> tuple[Kind | None, tuple[str, ...]]:
    """How a file holds records, by how it begins, and the fields of the first that hold text; None for no records."""
    with opened(path) as file:
        head = file.read(HEAD).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "ignore").lstrip(SPACE)
    try:
        if head.startswith("["):
            kind: Kind = "list"
            first, _ = json.JSONDecoder().raw_decode(head[1:].lstrip(SPACE))
        else:
            kind, first = "lines", json.loads(head.split("\n", 1)[0])
    except (ValueError, RecursionError):
        return None, ()
    if not isinstance(first, dict):
        return None, ()
    return kind, tuple(name for name, value in first.items() if isinstance(value, str))


def read_json_list(path: Path, field: str, name: str) -> Iterator[Document]:
    """Read the texts in `field` of a file that is one list of objects, a block of it in memory at a time.

    Documents go by `name`:NUMBER, counted from 1. ValueError names a record that is none, or where the list is broken.
    """
    for number, record in enumerate(_elements(path), start=1):
        where = f"record {number} of {path}"
        if not isinstance(record, dict):
            raise ValueError(f"wanted an object, got {type(record).__name__} as {where}; repair the file")
        yield Document(f"{name}:{number}", text_of(record, field, where))


def _elements(path: Path) -> Iterator[Any]:
    """The elements of the list that a file is."""
    decoder, number, place = json.JSONDecoder(), 0, 0
    with opened(path) as file:
        blocks = _texts(file, path)
        text = next(blocks, "").lstrip(SPACE).removeprefix("[")
        while True:
            place = _behind_space(text, place)
            try:
                if text.startswith("]", place) and not number:
                    return
                element, end = decoder.raw_decode(text, place)
                end = _behind_space(text, end)
                if text[end : end + 1] not in (",", "]"):  # perhaps in the next block, and a number may go on there
                    raise json.JSONDecodeError("wanted , or ]", text, end)
            except (ValueError, RecursionError) as error:
                # As much again as there is, so that a long record is tried a few times and not a thousand.
                more = [block for _, block in zip(range(1 + (len(text) - place) // BLOCK), blocks, strict=False)]
                if not more or not isinstance(error, json.JSONDecodeError) or len(text) - place > LONGEST:
                    raise ValueError(
                        f"wanted a list of records, got {text[place : place + 40]!r} after record {number} of {path} "
                        f"({str(error)[:80]}); repair the file"
                    ) from error
                text, place = text[place:] + "".join(more), 0
                continue
            number, place = number + 1, end + 1
            yield element
            if text[end] == "]":
                return


def _behind_space(text: str, place: int) -> int:
    while text[place : place + 1] in tuple(SPACE):
        place += 1
    return place


def _texts(file: Any, path: Path) -> Iterator[str]:
    """The file in blocks of text, cut between two characters."""
    start, rest = 0, b""
    while data := file.read(BLOCK):
        data = rest + data
        end = len(data)
        while end and len(data) - end < 3 and data[end - 1] & 0xC0 == 0x80:
            end -= 1
        end = end - 1 if end and data[end - 1] >= 0xC0 else len(data)
        yield decode_utf8(data[:end], path, start)
        start, rest = start + end, data[end:]
    if rest:
        yield decode_utf8(rest, path, start)
