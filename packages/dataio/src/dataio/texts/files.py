"""Text in files: finding them, and reading them strictly, whole or in pieces."""

import glob
from collections.abc import Iterator
from pathlib import Path

from workbench import decode_utf8

TEXT_SUFFIXES = (
    *(".txt", ".text", ".md", ".rst", ".tex", ".srt", ".log"),
    *(".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".xml", ".html", ".htm"),
    *(".py", ".pyi", ".ipynb", ".c", ".h", ".cc", ".cpp", ".hpp", ".rs", ".go", ".java", ".js", ".ts", ".css"),
    *(".sql", ".sh"),
)
PIECE_BYTES = 2**20


def locate(source: str | Path, suffixes: tuple[str, ...] = TEXT_SUFFIXES) -> tuple[Path, list[Path]]:
    """Find the files that `source` (a file, a folder, a pattern) stands for, sorted, and the folder above them all.

    Raises:
        FileNotFoundError: there is no such file or folder, or nothing matches.
    """
    path = Path(source).expanduser()
    if path.is_file():
        return path.parent, [path]
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if _is_visible_text(file, path, suffixes))
        if not found:
            raise FileNotFoundError(
                f"wanted text files in folder {source}, found none with a suffix like .txt, .md or .py "
                f"(all: {' '.join(dict.fromkeys(suffixes))}); use a pattern such as '{source}/*' for other suffixes"
            )
        return path, found
    if not glob.has_magic(str(path)):
        raise FileNotFoundError(f"wanted a text file, a folder or a pattern, but {source} is not there; check the path")
    matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))
    files = [match for match in matches if match.is_file()]
    if not files:
        raise FileNotFoundError(f"wanted files that match {source}, found none; check the pattern and quote it")
    return _fixed_part(path), files


def strict_text(path: Path) -> str:
    """Read a whole file of UTF-8; ValueError names the first byte that is none, or a zero byte."""
    return decode_utf8(path.read_bytes(), path, zero_bytes=False)


def text_pieces(path: Path, most: int = PIECE_BYTES) -> Iterator[str]:
    """Read a file of UTF-8 in pieces of at most `most` bytes; joined they are the file.

    A piece ends after an empty line, else after a line end, else after a space, whichever its second half has; a text
    without any is cut between two characters.
    """
    with path.open("rb") as file:
        start, rest = 0, b""
        while block := rest + file.read(most + 1 - len(rest)):
            end = len(block) if len(block) <= most else _cut(block, most)
            yield decode_utf8(block[:end], path, start, zero_bytes=False)
            start, rest = start + end, block[end:]


def _cut(block: bytes, most: int) -> int:
    for separator in (b"\n\n", b"\n", b" "):
        place = block.rfind(separator, most // 2, most)
        if place >= 0:
            return place + len(separator)
    while most > 1 and block[most] & 0xC0 == 0x80:  # a byte that goes on with a character
        most -= 1
    return most


def _is_visible_text(file: Path, root: Path, suffixes: tuple[str, ...]) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
    return not hidden and file.name.lower().endswith(suffixes) and file.is_file()


def _fixed_part(pattern: Path) -> Path:
    fixed = [part for part in pattern.parents if not glob.has_magic(str(part))]
    return fixed[0]
