"""The texts that a command scores: files, lines of JSON, standard input, and pieces of them. Needs no torch."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NamedText:
    """A document and where it comes from: the file, with its line for JSON Lines."""

    name: str
    text: str


def read_documents(files: Sequence[str], texts: Sequence[str] = (), field: str = "text") -> list[NamedText]:
    """`texts` as they are, then every file: `field` of each line of a .jsonl, all of any other; - is standard input.

    Raises ValueError where nothing was named, for an empty document, for other bytes than UTF-8 and for lines that are
    no JSON object with that field; OSError where a file cannot be read.
    """
    documents = [NamedText(f"--text {number}", text) for number, text in enumerate(texts, start=1)]
    for file in files:
        content = _read(file)
        documents += _lines(file, content, field) if file.endswith(".jsonl") else [NamedText(file, content)]
    if not documents:
        raise ValueError("wanted texts to score, got none; give files, - for standard input, or --text TEXT")
    for document in documents:
        if not document.text.strip():
            raise ValueError(f"wanted a text to score, got an empty one in {document.name}; fill it or leave it out")
        if any("\ud800" <= character <= "\udfff" for character in document.text):
            raise ValueError(f"wanted a text in UTF-8, got other bytes in {document.name}; convert it")
    return documents


def _read(file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"wanted UTF-8 in {file}, got other bytes at offset {error.start}; convert the file") from None
    except OSError as error:
        raise OSError(f"wanted a file of text, got {file}: {error.strerror}; check the path") from None


def _lines(file: str, content: str, field: str) -> Iterator[NamedText]:
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{file}:{number}: wanted a JSON object, got {line[:40]!r} ({error.msg})") from None
        text = row.get(field) if isinstance(row, dict) else None
        if not isinstance(text, str):
            raise ValueError(f"{file}:{number}: wanted a text under {field!r}, got {line[:60]!r}; name its --field")
        yield NamedText(f"{file}:{number}", text)


def pieces(text: str, n_bytes: int = 2000) -> Iterator[str]:
    """A text cut at line ends into pieces of at least `n_bytes` (the last may be shorter), nothing lost.

    Units for a comparison: long enough to be nearly independent of each other, short enough that there are many.
    """
    piece, size = [], 0
    for line in text.splitlines(keepends=True):
        piece.append(line)
        size += len(line.encode("utf-8"))
        if size >= n_bytes:
            yield "".join(piece)
            piece, size = [], 0
    if piece:
        yield "".join(piece)
