"""Text to learn from: what Python itself brings along, or files of yours."""

import hashlib
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path

from .files import locate, strict_text

STANDARD_LIBRARY_PACKAGES = (
    "collections",
    "concurrent",
    "html",
    "http",
    "json",
    "logging",
    "re",
    "tomllib",
    "urllib",
)


@dataclass(frozen=True)
class Document:
    """One text with the name it goes by: a path relative to its corpus, or the title of a topic."""

    name: str
    text: str

    @property
    def packed(self) -> bytes:
        """Name and text with their lengths in front, which keep ("ab", "c") apart from ("a", "bc"): to be hashed."""
        parts = self.name.encode(), self.text.encode()
        return b"".join(len(part).to_bytes(8, "little") + part for part in parts)


@dataclass(frozen=True)
class Corpus:
    """Documents in a fixed order."""

    name: str
    documents: tuple[Document, ...]

    def __iter__(self) -> Iterator[Document]:
        return iter(self.documents)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over names and texts: equal exactly when every document is. Not over the corpus' own name."""
        digest = hashlib.sha256()
        for document in self.documents:
            digest.update(document.packed)
        return digest.hexdigest()

    @cached_property
    def n_bytes(self) -> int:
        """UTF-8 bytes of all texts together: what bits per byte are counted over."""
        return sum(len(document.text.encode()) for document in self.documents)


def embedded_text() -> Corpus:
    """Read about 5.5 MB of English prose and Python code that every Python installation holds; no network.

    First the documentation topics that `help()` shows, one document per topic, then the sources of the standard
    library: its public top-level modules and the packages in `STANDARD_LIBRARY_PACKAGES`. Tests, private modules (some
    of them generated for one machine) and the few sources that are not UTF-8 are left out. The text differs between
    Python versions: store `fingerprint` with whatever is learned from it.

    Raises:
        FileNotFoundError: this Python was installed without its documentation topics or without sources.
    """
    try:
        topics: dict[str, str] = import_module("pydoc_data.topics").topics
    except ImportError as error:
        raise FileNotFoundError(_no_embedded_text("the documentation topics (pydoc_data.topics)")) from error
    library = Path(sysconfig.get_path("stdlib"))
    sources = list(_decodable(library, _standard_library_paths(library)))
    if not sources:
        raise FileNotFoundError(_no_embedded_text(f"Python sources in {library}"))
    prose = [Document(f"topics/{name}", topics[name]) for name in sorted(topics)]
    return Corpus("embedded", (*prose, *sources))


def read_text(source: str | Path) -> Corpus:
    """Read a text file, a folder or a glob pattern; strict UTF-8, line ends and all bytes kept as they are.

    A folder is read recursively: files whose suffix is in `texts.files.TEXT_SUFFIXES`, sorted by path; hidden files and
    folders are left out. A pattern (`*`, `?`, `[...]`, `**`) takes every file that it matches. Empty files add no
    document.

    Raises:
        FileNotFoundError: there is no such file or folder, or nothing matches.
        ValueError: everything is empty, or a file is binary (holds a zero byte) or is not UTF-8.
    """
    root, paths = locate(source)
    documents = [Document(path.relative_to(root).as_posix(), strict_text(path)) for path in paths]
    documents = [document for document in documents if document.text]
    if not documents:
        raise ValueError(f"wanted text in {source}, got empty files only; name other files")
    return Corpus(str(source), tuple(documents))


def _standard_library_paths(library: Path) -> list[Path]:
    modules = sorted(path for path in library.glob("*.py") if not path.name.startswith("_"))
    packages = [sorted((library / name).rglob("*.py")) for name in STANDARD_LIBRARY_PACKAGES]
    return modules + [path for paths in packages for path in paths if not {"test", "tests"} & set(path.parts)]


def _decodable(root: Path, paths: Iterable[Path]) -> Iterable[Document]:
    for path in paths:
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
        if text:
            # Windows installs the same sources with other line ends.
            yield Document(path.relative_to(root).as_posix(), text.replace("\r\n", "\n"))


def _no_embedded_text(missing: str) -> str:
    return (
        f"wanted the text that comes with Python, but this installation lacks {missing}; "
        "install a full Python (for example with `uv python install`), or read text of your own with read_text(path)"
    )
