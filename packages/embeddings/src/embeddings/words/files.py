"""Word vectors as the text files in which GloVe and word2vec are published."""

from collections.abc import Container, Iterator
from pathlib import Path

import numpy as np
import torch

from workbench import expanded, fits_utf8, write_text

from .vectors import WordVectors

BYTE_ORDER_MARK = "\ufeff".encode()
LARGEST = float(np.finfo(np.float32).max)


def read_vectors(path: str | Path, only: Container[str] | None = None) -> WordVectors:
    """Read `word number number ...` lines, float32: GloVe's form, or word2vec's, whose first line is `count width`.

    Numbers are taken from the right, for some published words contain spaces. `only` keeps these words and so most of
    a large file out of memory. ValueError names the line that is malformed: another width, no number, not finite, a
    word twice, not UTF-8, or fewer lines than the first line promises.
    """
    words: list[str] = []
    rows: list[np.ndarray] = []
    lines: dict[str, int] = {}
    promised, width, number = None, None, 0
    for number, line in numbered(path):
        if number == 1 and (header := header_of(line)):
            promised, width = header
            continue
        word, row = parsed(path, number, line, width)
        width = len(row)
        if only is None or word in only:
            if word in lines:
                raise ValueError(malformed(path, number, f"{word!r} a second time, after line {lines[word]}"))
            lines[word] = number
            words.append(word)
            rows.append(row)
    n_lines = number - (promised is not None)
    if promised is not None and promised != n_lines:
        raise ValueError(malformed(path, 1, f"a promise of {promised} vectors, and {n_lines} lines after it"))
    if not words:
        raise ValueError(
            f"wanted at least one word vector in {path}, got {n_lines} lines and no word asked for; pass another file"
        )
    return WordVectors(tuple(words), torch.from_numpy(np.stack(rows)))


def numbered(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file without their ends and its byte order mark, counted from 1; one in memory at a time."""
    with expanded(path).open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            line = line.removesuffix(b"\n").removesuffix(b"\r")
            yield number, line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line


def write_vectors(path: str | Path, given: WordVectors) -> None:
    """Write word2vec's text form, with numbers that `read_vectors` reads back bit for bit. ValueError for a word with
    white space at an end or a line break inside, or that UTF-8 cannot hold: it could not be read back."""
    lines = [f"{len(given.words)} {given.vectors.shape[1]}"]
    for word, row in zip(given.words, given.vectors.float().tolist(), strict=True):
        if not word or not fits_utf8(word) or word.encode().strip() != word.encode() or "\n" in word:
            raise ValueError(f"wanted words that stand on one line, got {word!r}; rename or drop it")
        lines.append(" ".join([word, *(f"{value:.9g}" for value in row)]))
    write_text(expanded(path), "\n".join(lines) + "\n")


def header_of(line: bytes) -> tuple[int, int] | None:
    fields = line.split()
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 and all(map(bytes.isdigit, fields)) else None


def parsed(path: str | Path, number: int, line: bytes, width: int | None) -> tuple[str, np.ndarray]:
    """The word and the float32 numbers of one line; `width` is None while no line has told it."""
    width = len(line.split()) - 1 if width is None else width
    fields = line.rstrip().rsplit(None, width) if width > 0 else []
    if len(fields) != width + 1:
        raise ValueError(malformed(path, number, f"{max(len(line.split()) - 1, 0)} numbers"))
    try:
        word, row = fields[0].decode("utf-8"), np.array([float(field) for field in fields[1:]])
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(malformed(path, number, str(error))) from None
    if not (np.abs(row) <= LARGEST).all():
        raise ValueError(malformed(path, number, f"a number that is not finite, for {word!r}"))
    return word, row.astype(np.float32)


def malformed(path: str | Path, number: int, got: str) -> str:
    return (
        f"wanted a word and its numbers, as many on every line, got {got}, in {path}, line {number}; "
        "mend that line or fetch the file again"
    )
