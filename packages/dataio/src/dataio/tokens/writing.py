"""Text turned into token files, in parallel, so that it can be stopped and gone on with at any moment."""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from workbench import expanded, hold, make_folder

from ..processes.workers import refuse_to_start_inside_a_starting_worker
from ..texts.corpora import Corpus, Document
from ..texts.streams import TextStream
from .encoding import Encode, Task, encoded, write_shard
from .manifest import Shard, finished_shards, other_text, write_manifest

logger = logging.getLogger(__name__)


def write_shards(
    source: Corpus | TextStream,
    encode: Encode,
    folder: str | Path,
    *,
    n_vocab: int,
    tokenizer: str,
    end_of_text: int | None = None,
    shard_bytes: int = 2**25,
    num_workers: int = 0,
) -> Iterator[Shard]:
    """Encode text into token files in `folder`; iterate over the result to do it, one `Shard` after the other.

    Each shard holds whole documents, about `shard_bytes` of text together, in the order of the source; how many workers
    write changes nothing in the files. Of a stream only the shards being written are in memory. After each shard the
    manifest is renewed. Called again after a stop, it reads the text again, keeps the shards whose checksums are right
    and writes the others; a finished folder of a source that looks unchanged (`TextStream.identity`) is not read again.

    Args:
        source: the text.
        encode: text to token ids; sent to each worker, so define it at the top level of a module.
        folder: where to write; made if it is not there. A second process that writes to it waits for the first.
        n_vocab: number of token ids.
        tokenizer: a hash or name that identifies the tokenizer; kept in the manifest.
        end_of_text: token id that follows every document; none unless given.
        shard_bytes: text bytes per shard; a longer document has a shard of its own.
        num_workers: processes that encode; 0 encodes in this one.

    Raises:
        ValueError: no documents, bad sizes, other text or another tokenizer in the folder; a document that encodes to
            ids outside the vocabulary (named).
        WorkerError: a worker process died.
    """
    if (isinstance(source, Corpus) and not source.documents) or shard_bytes < 1 or num_workers < 0:
        raise ValueError(
            f"wanted documents, shard_bytes of at least 1 and workers of at least 0, got {source.name}, "
            f"{shard_bytes} and {num_workers}; check the arguments"
        )
    if num_workers:
        refuse_to_start_inside_a_starting_worker()
    header = {"n_vocab": n_vocab, "tokenizer": tokenizer, "end_of_text": end_of_text, "shard_bytes": shard_bytes}
    return _written(source, encode, expanded(folder), header, num_workers)


def _written(
    source: Corpus | TextStream, encode: Encode, folder: Path, header: dict[str, Any], num_workers: int
) -> Iterator[Shard]:
    """Hold the folder, look at what is in it, and write the rest."""
    make_folder(folder)
    with hold(folder, wait=True, waiting=lambda said: logger.warning("%s; waiting for it", said)):
        done, unchanged = finished_shards(folder, header, _identity(source))
        if unchanged:
            yield from done.values()
            return
        header = header | {"corpus": source.name, "identity": _identity(source)}
        write = partial(write_shard, n_vocab=header["n_vocab"], end_of_text=header["end_of_text"])
        tasks = _tasks(source, folder, header["shard_bytes"])
        yield from _noted(encoded(tasks, done, encode, write, num_workers), folder, header, done)


def _identity(source: Corpus | TextStream) -> str:
    return source.fingerprint if isinstance(source, Corpus) else source.identity


def _noted(
    written: Iterator[tuple[Shard, bool]], folder: Path, header: dict[str, Any], done: dict[str, Shard]
) -> Iterator[Shard]:
    seen: dict[str, Shard] = {}
    for shard, is_new in written:
        seen[shard.file] = shard
        if is_new:
            write_manifest(folder, header, done | seen, complete=False)
        yield shard
    if done.keys() - seen.keys():
        raise other_text(folder, min(done.keys() - seen.keys()))
    write_manifest(folder, header, seen, complete=True)


def _tasks(source: Iterable[Document], folder: Path, shard_bytes: int) -> Iterator[Task]:
    """Cut the stream into shards; each with the fingerprint (as of a `Corpus`) of all text up to its end."""
    digest = hashlib.sha256()
    documents: list[Document] = []
    size = number = 0
    for document in source:
        packed = document.packed
        n_bytes = len(packed) - len(document.name.encode()) - 16  # two lengths of 8 bytes
        if documents and size + n_bytes > shard_bytes:
            yield Task(folder / f"shard-{number:05d}.bin", tuple(documents), digest.hexdigest())
            documents, size, number = [], 0, number + 1
        digest.update(packed)
        documents.append(document)
        size += n_bytes
    yield Task(folder / f"shard-{number:05d}.bin", tuple(documents), digest.hexdigest())
