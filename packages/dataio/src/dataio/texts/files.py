"""Text in files: finding them, and reading them strictly, whole or in pieces."""

import glob
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from workbench import decode_utf8, expanded

from .finding import Left, files_below, files_matching, once

TEXT_SUFFIXES = (
    *(".txt", ".text", ".md", ".rst", ".tex", ".srt", ".log"),
    *(".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".xml", ".html", ".htm"),
    *(".py", ".pyi", ".ipynb", ".c", ".h", ".cc", ".cpp", ".hpp", ".rs", ".go", ".java", ".js", ".ts", ".css"),
    *(".sql", ".sh"),
)
PACKED = (".zst", ".xz", ".bz2", ".lz4", ".br", ".zip", ".7z", ".tar", ".tgz", ".tar.gz")
"""Endings of files that hold others in a way that is not read here."""
PIECE_BYTES = 2**20
MOST_ZIPPED = 2**30  # bytes of a zipped text that is read whole
SAMPLES, SAMPLE_BYTES = 256, 4096


def locate(
    source: str | Path, suffixes: tuple[str, ...] = TEXT_SUFFIXES, *, say: bool = True
) -> tuple[Path, list[Path]]:
    """Find the files that `source` (a file, a folder, a pattern) stands for, sorted, and the folder above them all.

    Each file counts once, however many links lead to it, and linked folders are looked into as others are. Suffixes may
    be followed by `.gz`.

    Args:
        say: log how many files were left out, and why.

    Raises:
        FileNotFoundError: there is no such file or folder, or nothing matches.
        ValueError: a file is compressed in a way that is not read here.
    """
    path, left = expanded(source), Left(str(source))
    if path.is_file():
        return path.parent, [_unpacked(path)]
    if path.is_dir():
        found = []
        for file in files_below(path, left):
            if _ends(file, suffixes):
                found.append(file)
            else:
                left.other_suffix(file)
        if not found:
            raise FileNotFoundError(
                f"wanted text files in folder {source}, found none with a suffix like .txt, .md or .py "
                f"(all: {' '.join(dict.fromkeys(suffixes))}){left.told(', and left out ')}; use a pattern such as "
                f"'{source}/*' for other suffixes"
            )
        root, found = path, once(found, left)
    else:
        if not glob.has_magic(str(path)):
            raise FileNotFoundError(
                f"wanted a text file, a folder or a pattern, but {source} is not there; check the path"
            )
        root, found = _fixed_part(path), [_unpacked(file) for file in once(files_matching(path, left), left)]
        if not found:
            raise FileNotFoundError(
                f"wanted files that match {source}, found none{left.told(', and left out ')}; check the pattern and "
                "quote it"
            )
    if say:
        left.say()
    return root, found


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unzipped where its name ends in .gz; ValueError inside the `with` for a damaged one."""
    if not path.name.lower().endswith(".gz"):
        with path.open("rb") as file:
            yield file
        return
    try:
        with gzip.open(path, "rb") as file:
            yield file  # type: ignore[misc]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"wanted a whole gzip file, but {path} is damaged ({error}); copy it again") from error


def strict_text(path: Path) -> str:
    """Read a whole file of UTF-8; ValueError names the first byte that is none, or a zero byte."""
    with opened(path) as file:
        data = file.read(MOST_ZIPPED + 1) if path.suffix.lower() == ".gz" else file.read()
    if path.suffix.lower() == ".gz" and len(data) > MOST_ZIPPED:
        raise ValueError(f"wanted at most {MOST_ZIPPED:,} bytes in {path}, got more; read it by stream_text")
    return decode_utf8(data, path, zero_bytes=False)


def text_pieces(path: Path, most: int = PIECE_BYTES) -> Iterator[str]:
    """Read a file of UTF-8 in pieces of at most `most` bytes; joined they are the file, without its byte order mark.

    A piece ends after an empty line, else after a line end, else after a space, whichever its second half has; a text
    without any is cut between two characters.
    """
    with opened(path) as file:
        start, rest = 0, b""
        while block := rest + file.read(most + 1 - len(rest)):
            end = len(block) if len(block) <= most else _cut(block, most)
            yield decode_utf8(block[:end], path, start, zero_bytes=False)
            start, rest = start + end, block[end:]


def identity_of(path: Path) -> bytes:
    """What tells a file from another one of the same name: its size, its times, and its content: all of it up to a
    megabyte, 256 samples of a longer one."""
    stat = path.stat()
    digest = hashlib.sha256(f"{stat.st_size} {stat.st_mtime_ns}".encode())
    with path.open("rb") as file:
        if stat.st_size <= SAMPLES * SAMPLE_BYTES:
            digest.update(file.read(SAMPLES * SAMPLE_BYTES))
        else:
            digest.update(f" {stat.st_ctime_ns}".encode())  # whoever changes a byte between samples changes this
            for number in range(SAMPLES):
                file.seek(number * (stat.st_size - SAMPLE_BYTES) // (SAMPLES - 1))
                digest.update(file.read(SAMPLE_BYTES))
    return digest.digest()


def _cut(block: bytes, most: int) -> int:
    for separator in (b"\n\n", b"\n\r\n", b"\n", b" "):
        place = block.rfind(separator, most // 2, most)
        if place >= 0 and place + len(separator) <= most:
            return place + len(separator)
    while most > 1 and block[most] & 0xC0 == 0x80:  # a byte that goes on with a character
        most -= 1
    return most


def _ends(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(suffixes) and not path.name.lower().endswith(PACKED)


def _unpacked(path: Path) -> Path:
    if path.name.lower().endswith(PACKED):
        raise ValueError(f"wanted text or records, got {path}, which is packed; unpack it, or pack it with gzip")
    return path


def _fixed_part(pattern: Path) -> Path:
    fixed = [part for part in pattern.parents if not glob.has_magic(str(part))]
    return fixed[0]
