"""The texts that a command scores: files, lines of JSON, standard input, and pieces of them. Needs no torch."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench import expanded, fits_utf8, parse_object, read_utf8, split_lines


@dataclass(frozen=True)
class NamedText:
    """A document and where it comes from: the file, with its line for JSON Lines."""

    name: str
    text: str


def read_documents(files: Sequence[str], texts: Sequence[str] = (), field: str = "text") -> list[NamedText]:
    """`texts` as they are, then every file: `field` of each line of a .jsonl, all of any other; - is standard input.

    Files are texts whatever editor wrote them: a byte order mark is dropped, and lines that end in \\r\\n end in \\n.

    Raises ValueError where nothing was named, for an empty document, for other bytes than UTF-8 and for lines that are
    no JSON object with that field; OSError where a file cannot be read.
    """
    documents = [NamedText(f"--text {number}", text) for number, text in enumerate(texts, start=1)]
    for file in files:
        documents += _documents(file, field)
    if not documents:
        raise ValueError("wanted texts to score, got none; give files, - for standard input, or --text TEXT")
    for document in documents:
        if not document.text.strip():
            raise ValueError(f"wanted a text to score, got an empty one in {document.name}; fill it or leave it out")
        if not fits_utf8(document.text):
            raise ValueError(f"wanted a text in UTF-8, got other bytes in {document.name}; convert it")
    return documents


def _documents(file: str, field: str) -> Iterator[NamedText]:
    content = read_utf8(file if file == "-" else expanded(file), dash_is_input=True)
    if not file.endswith(".jsonl"):
        yield NamedText(file, content.replace("\r\n", "\n"))
        return
    for number, line in enumerate(split_lines(content), start=1):
        if not line.strip():
            continue
        text = parse_object(line, f"{file}:{number}").get(field)
        if not isinstance(text, str):
            raise ValueError(f"wanted a text under {field!r} in {file}:{number}, got {line[:60]!r}; name its --field")
        yield NamedText(f"{file}:{number}", text)


def pieces(text: str, n_bytes: int = 2000) -> Iterator[str]:
    """A text cut at line ends into pieces of at least `n_bytes` (the last may be shorter), nothing lost.

    Units for a comparison: long enough to be nearly independent of each other, short enough that there are many.
    """
    piece, size = [], 0
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        piece.append(line)
        size += len(line.encode("utf-8"))
        if size >= n_bytes:
            yield "".join(piece)
            piece, size = [], 0
    if piece:
        yield "".join(piece)
