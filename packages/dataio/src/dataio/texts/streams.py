"""Text that need not fit into memory: documents one after another, read again whenever somebody asks."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .corpora import Corpus, Document
from .files import TEXT_SUFFIXES, locate, text_pieces
from .hub_address import parse_address
from .hub_datasets import dataset_files
from .records import JSONL_SUFFIXES, PARQUET_SUFFIXES, read_jsonl, read_parquet
from .splits import check_held_out, uniform_hash

READABLE = (*TEXT_SUFFIXES, *JSONL_SUFFIXES, *PARQUET_SUFFIXES)


def text_paths(source: str | Path) -> list[Path]:
    """The files that `stream_text` would read for `source`; FileNotFoundError where there are none."""
    return locate(source, READABLE)[1]


def is_record_file(path: Path) -> bool:
    """Whether a file holds a document a record, by its suffix: JSON lines or Parquet."""
    return path.name.lower().endswith((*JSONL_SUFFIXES, *PARQUET_SUFFIXES))


@dataclass(frozen=True)
class TextStream:
    """Documents in a fixed order; iterate as often as you like. Only the one at hand is in memory.

    Attributes:
        name: where the text came from.
        identity: SHA-256 (hex) that changes when the source does, known without reading it: over names, sizes and times
            of change of files, over the commit of a dataset.
        documents: gives a new iterator over the documents.
        fault: what an empty stream is told, after "wanted ".
    """

    name: str
    identity: str
    documents: Callable[[], Iterable[Document]]
    fault: str = "text, but every file is empty; name other files"

    def __iter__(self) -> Iterator[Document]:
        empty = True
        for document in self.documents():
            if document.text:
                empty = False
                yield document
        if empty:
            raise ValueError(f"{self.name}: wanted {self.fault}")


def stream_text(source: str | Path, *, field: str = "text") -> TextStream:
    """Open a file, a folder, a glob pattern, or a dataset of the Hugging Face hub as a stream of documents.

    What a file holds is told by its suffix. JSON lines (`.jsonl`, `.ndjson`, also with `.gz`) and Parquet (`.parquet`,
    extra `hub`) hold a document a record. Everything else is plain text as in `read_text`: a document a file, but a
    file longer than 1 MiB counts as several, cut after an empty line, a line end or a space. Folders are read
    recursively, files sorted by path, hidden ones left out. Empty documents are left out.

    Datasets are written as `hf://datasets/OWNER/NAME[@REVISION][/PATTERN]` (see `stream_dataset`).

    Args:
        source: what to read.
        field: field or column that holds the text of a record.

    Raises:
        FileNotFoundError: there is no such file, folder or dataset, or nothing matches.
        ConnectionError: the hub cannot be reached.
        ImportError: the extra `hub` is not installed.
        ValueError: while reading: text that is not UTF-8, a broken record (file and line named), nothing but empty
            text.
    """
    if str(source).startswith("hf://"):
        name, revision, files = parse_address(str(source))
        return stream_dataset(name, revision=revision, files=files, field=field)
    root, paths = locate(source, READABLE)
    digest = hashlib.sha256(field.encode())
    for path in paths:
        stat = path.stat()
        digest.update(f"\n{path.relative_to(root).as_posix()} {stat.st_size} {stat.st_mtime_ns}".encode())
    return TextStream(
        str(source),
        digest.hexdigest(),
        lambda: (document for path in paths for document in read_documents(path, field, _name(path, root))),
    )


def stream_dataset(
    name: str, *, revision: str | None = None, files: str | None = None, split: str = "train", field: str = "text"
) -> TextStream:
    """Open a dataset of the Hugging Face hub by name as a stream of documents (extra `hub`).

    Its Parquet and JSON-lines files are downloaded one after another as the stream reaches them, kept in
    `huggingface_hub`'s cache, and read record by record.

    Args:
        name: OWNER/NAME.
        revision: branch, tag or commit; the main branch unless given. What is read is pinned to the commit it names.
        files: pattern for the files, such as "sample/10BT/*.parquet"; `*` also stands for "/".
        split: without `files`: the files whose path names this split (all where no path names any split).
        field: field or column that holds the text.

    Raises:
        FileNotFoundError: no such dataset or revision, or no such file in it; says which there are.
        PermissionError: the dataset's conditions have to be accepted first.
        ConnectionError: the hub cannot be reached, after three attempts.
        ValueError: files of several configurations match, or the name is none.
    """
    chosen = dataset_files(name, revision, files, split)
    listed = "\n".join([field, name, chosen.commit, *chosen.names])
    title = f"hf://datasets/{name}@{chosen.commit}"

    def documents() -> Iterator[Document]:
        for file in chosen.names:
            yield from read_documents(chosen.download(file), field, file)

    return TextStream(title, hashlib.sha256(listed.encode()).hexdigest(), documents)


def split_stream(source: Corpus | TextStream, held_out: float = 0.05) -> tuple[TextStream, TextStream]:
    """Split into (train, held out) by a hash of each document's text, as `split_corpus` does with many documents.

    Equal texts stay on one side, and a document never changes sides because others came or went. Both sides read the
    whole source and give their part of it.

    Raises:
        ValueError: the fraction is outside (0, 1); while reading, at the end: no document fell on that side.
    """
    check_held_out(held_out)
    before = source.fingerprint if isinstance(source, Corpus) else source.identity

    def side(name: str, is_here: Callable[[float], bool]) -> TextStream:
        return TextStream(
            f"{source.name} ({name})",
            hashlib.sha256(f"{before} {held_out!r} {name}".encode()).hexdigest(),
            lambda: (document for document in source if is_here(uniform_hash(document.text))),
            f"documents on both sides of a split that holds out {held_out:.2%}, got none on this side; add documents "
            "or hold out another fraction",
        )

    return side("train", lambda place: place > held_out), side("held out", lambda place: place <= held_out)


def read_documents(path: Path, field: str, name: str) -> Iterator[Document]:
    """Read the documents of one file in the way that its suffix tells."""
    lower = path.name.lower()
    if lower.endswith(JSONL_SUFFIXES):
        yield from read_jsonl(path, field, name)
    elif lower.endswith(PARQUET_SUFFIXES):
        yield from read_parquet(path, field, name)
    else:
        for number, piece in enumerate(text_pieces(path)):
            yield Document(f"{name}#{number}" if number else name, piece)


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
