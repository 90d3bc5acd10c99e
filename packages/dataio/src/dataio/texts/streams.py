"""Text that need not fit into memory: documents one after another, read again whenever somebody asks."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workbench import many

from .corpora import Corpus, Document
from .files import TEXT_SUFFIXES, identity_of, locate, text_pieces
from .hub_address import parse_address
from .hub_datasets import dataset_files
from .json_files import is_json, json_kind, read_json_list
from .long_files import file_sizes, sides
from .records import JSONL_SUFFIXES, PARQUET_SUFFIXES, read_jsonl, read_parquet
from .splits import HeldOutFrom, border, check_held_out, uniform_hash

logger = logging.getLogger(__name__)
READABLE = (*TEXT_SUFFIXES, *JSONL_SUFFIXES, *PARQUET_SUFFIXES)


def text_paths(source: str | Path) -> list[Path]:
    """The files that `stream_text` would read for `source`; FileNotFoundError where there are none."""
    return locate(source, READABLE, say=False)[1]


def is_record_file(path: Path) -> bool:
    """Whether a file holds a document a record: JSON lines and Parquet by suffix, `.json` by how it begins."""
    name = path.name.lower()
    return name.endswith((*JSONL_SUFFIXES, *PARQUET_SUFFIXES)) or (is_json(path) and json_kind(path)[0] is not None)


@dataclass(frozen=True)
class TextStream:
    """Documents in a fixed order; iterate as often as you like. Only the one at hand is in memory.

    Attributes:
        name: where the text came from.
        identity: SHA-256 (hex) that changes when the source does, known without reading all of it: over names, sizes,
            times and content of files (samples of those above a megabyte), over the commit of a dataset.
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

    What a file holds is told by its suffix. JSON lines (`.jsonl`, `.ndjson`) and Parquet (`.parquet`, extra `hub`) hold
    a document a record, and so does a `.json` file that is a list of records or lines of them, if the first has the
    field. Everything else is plain text as in `read_text`: a document a file, but a file longer than 1 MiB counts as
    several, cut after an empty line, a line end or a space. Text and JSON may be zipped (`.gz` at the end). Folders are
    read recursively, files sorted by path, each once, hidden ones left out. Empty documents are left out. What else is
    left out, and JSON that is read as plain text, is counted in a warning.

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
    _say_plain_json(source, paths, field)
    digest = hashlib.sha256(field.encode())
    for path in paths:
        digest.update(f"\n{path.relative_to(root).as_posix()} ".encode() + identity_of(path))
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


def split_stream(
    source: Corpus | TextStream, held_out: float = 0.05, held_out_from: HeldOutFrom = "everywhere"
) -> tuple[TextStream, TextStream]:
    """Split into (train, held out) by a hash of each document's text, as `split_corpus` does with many documents.

    Equal texts stay on one side, and a document never changes sides because others came or went. Both sides read the
    whole source and give their part of it. Where chance would leave a side empty, one text is there: that is looked for
    before the first document of either side is given.

    A file longer than 1 MiB comes in several documents, so its pieces are held out from all over it. With
    held_out_from="end" the last ones are, of each such file; of 20 files and more, whole files by a hash of their
    beginning. To know how long files are, they are read once more.

    Raises:
        ValueError: the fraction is outside (0, 1); while reading, before the first document: all texts are equal.
    """
    check_held_out(held_out)
    before = source.fingerprint if isinstance(source, Corpus) else source.identity

    last, sizes = cache(lambda: border(source, held_out)), cache(lambda: file_sizes(source))

    def documents(is_held: bool) -> Iterator[Document]:
        if held_out_from == "end":
            return (document for held, document in sides(source, held_out, sizes) if held == is_held)
        return (document for document in source if (uniform_hash(document.text) <= last()) == is_held)

    def side(name: str, is_held: bool) -> TextStream:
        how = " end" if held_out_from == "end" else ""
        return TextStream(
            f"{source.name} ({name})",
            hashlib.sha256(f"{before} {held_out!r} {name}{how}".encode()).hexdigest(),
            lambda: documents(is_held),
            "the documents that were there when the split was looked for, got none on this side; do not change files "
            "that are being read",
        )

    return side("train", False), side("held out", True)


def read_documents(path: Path, field: str, name: str) -> Iterator[Document]:
    """Read the documents of one file in the way that its suffix tells."""
    lower = path.name.lower()
    kind, fields = json_kind(path) if is_json(path) else (None, ())
    if lower.endswith(JSONL_SUFFIXES) or (kind == "lines" and field in fields):
        yield from read_jsonl(path, field, name)
    elif kind == "list" and field in fields:
        yield from read_json_list(path, field, name)
    elif lower.endswith(PARQUET_SUFFIXES):
        yield from read_parquet(path, field, name)
    else:
        for number, piece in enumerate(text_pieces(path)):
            yield Document(f"{name}#{number}" if number else name, piece)


def _say_plain_json(source: str | Path, paths: list[Path], field: str) -> None:
    kinds = {path: json_kind(path) for path in paths if is_json(path)}
    plain = [path for path, (_, fields) in kinds.items() if field not in fields]
    if plain:
        others = next((fields for path in plain if (fields := kinds[path][1])), None)
        hint = f"its records have the fields {sorted(others)}: give one" if others else "leave it out by a pattern"
        logger.warning(
            "%s: %s without records that have a field %r (%s) read as plain text, braces and all; %s",
            *(source, many(len(plain), "JSON file"), field, plain[0], hint),
        )


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
