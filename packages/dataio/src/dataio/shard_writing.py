"""A corpus turned into token files, in parallel, so that it can be stopped and gone on with at any moment."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .corpora import Corpus, Document
from .shard_reading import MANIFEST, checksum, read_manifest
from .token_files import write_tokens
from .workers import GUARD, WorkerError, refuse_to_start_inside_a_starting_worker

Encode = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class Shard:
    """One token file: its name, its tokens, the text bytes they stand for, and its checksum."""

    file: str
    n_tokens: int
    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Task:
    """What a worker needs to write one shard."""

    path: Path
    documents: tuple[Document, ...]
    n_vocab: int
    end_of_text: int | None


def write_shards(
    corpus: Corpus,
    encode: Encode,
    folder: str | Path,
    *,
    n_vocab: int,
    tokenizer: str,
    end_of_text: int | None = None,
    shard_bytes: int = 2**25,
    num_workers: int = 0,
) -> Iterator[Shard]:
    """Encode a corpus into token files in `folder`; iterate over the result to do it, one `Shard` after the other.

    Each shard holds whole documents, about `shard_bytes` of text together, in the corpus' order; how many workers write
    changes nothing in the files. After each shard the manifest is renewed. Called again after a stop, it keeps the
    shards whose checksums are right and writes the others.

    Args:
        corpus: the text.
        encode: text to token ids; sent to the workers, so define it at the top level of a module.
        folder: where to write; made if it is not there.
        n_vocab: number of token ids.
        tokenizer: a hash or name that identifies the tokenizer; kept in the manifest.
        end_of_text: token id that follows every document; none unless given.
        shard_bytes: text bytes per shard; a longer document has a shard of its own.
        num_workers: processes that encode; 0 encodes in this one.

    Raises:
        ValueError: empty corpus, bad sizes, another corpus or tokenizer in the folder; a document that encodes to ids
            outside the vocabulary (named).
        WorkerError: a worker process died.
    """
    if not corpus.documents or shard_bytes < 1 or num_workers < 0:
        raise ValueError(
            f"wanted documents, shard_bytes of at least 1 and workers of at least 0, got {len(corpus.documents)}, "
            f"{shard_bytes} and {num_workers}; check the arguments"
        )
    if num_workers:
        refuse_to_start_inside_a_starting_worker()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    header = {"n_vocab": n_vocab, "tokenizer": tokenizer, "end_of_text": end_of_text, "shard_bytes": shard_bytes}
    header |= {"corpus": corpus.name, "fingerprint": corpus.fingerprint}
    done = _already_done(folder, header)
    runs = _runs(corpus.documents, shard_bytes)
    tasks = [
        Task(folder / f"shard-{number:05d}.bin", documents, n_vocab, end_of_text)
        for number, documents in enumerate(runs)
    ]
    return _write(folder, header, tasks, done, encode, num_workers)


def _write(
    folder: Path,
    header: dict[str, Any],
    tasks: list[Task],
    done: dict[str, Shard],
    encode: Encode,
    num_workers: int,
) -> Iterator[Shard]:
    yield from done.values()
    waiting = [task for task in tasks if task.path.name not in done]
    for shard in _encoded(waiting, encode, num_workers):
        done[shard.file] = shard
        _write_manifest(folder, header, done, complete=len(done) == len(tasks))
        yield shard


def _encoded(tasks: list[Task], encode: Encode, num_workers: int) -> Iterator[Shard]:
    if not num_workers:
        yield from (_write_shard(task, encode) for task in tasks)
        return
    with ProcessPoolExecutor(num_workers) as pool:
        try:
            for future in as_completed([pool.submit(_write_shard, task, encode) for task in tasks]):
                yield future.result()
        except BrokenProcessPool as error:
            raise WorkerError(
                f"wanted all shards, but a worker ended: {error}; run again to go on (with fewer workers if memory was "
                f"short). If the main script has no `__main__` guard, that is why: {GUARD}"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _write_shard(task: Task, encode: Encode) -> Shard:
    pieces: list[np.ndarray] = []
    for document in task.documents:
        ids = np.asarray(encode(document.text), dtype=np.int64)
        if ids.size and not 0 <= ids.min() <= ids.max() < task.n_vocab:
            raise ValueError(
                f"wanted token ids from 0 to {task.n_vocab - 1}, got {ids.min()} to {ids.max()} in document "
                f"{document.name!r}; pass the n_vocab of the tokenizer"
            )
        pieces += [ids] if task.end_of_text is None else [ids, np.array([task.end_of_text])]
    tokens = np.concatenate(pieces)
    write_tokens(task.path, tokens, task.n_vocab)
    n_bytes = sum(len(document.text.encode()) for document in task.documents)
    return Shard(task.path.name, len(tokens), n_bytes, checksum(task.path))


def _runs(documents: tuple[Document, ...], shard_bytes: int) -> list[tuple[Document, ...]]:
    runs: list[list[Document]] = [[]]
    size = 0
    for document in documents:
        n_bytes = len(document.text.encode())
        if runs[-1] and size + n_bytes > shard_bytes:
            runs.append([])
            size = 0
        runs[-1].append(document)
        size += n_bytes
    return [tuple(run) for run in runs]


def _already_done(folder: Path, header: dict[str, Any]) -> dict[str, Shard]:
    if not (folder / MANIFEST).exists():
        return {}
    manifest = read_manifest(folder)
    changed = [name for name, value in header.items() if name != "corpus" and manifest.get(name) != value]
    if changed:
        raise ValueError(
            f"wanted the shards in {folder} to be of the same text and tokenizer, but {', '.join(changed)} differ(s); "
            "choose another folder"
        )
    shards = [Shard(**shard) for shard in manifest["shards"]]
    return {s.file: s for s in shards if (folder / s.file).is_file() and checksum(folder / s.file) == s.sha256}


def _write_manifest(folder: Path, header: dict[str, Any], done: dict[str, Shard], *, complete: bool) -> None:
    shards = [asdict(done[name]) for name in sorted(done)]
    totals = {key: sum(shard[key] for shard in shards) for key in ("n_tokens", "n_bytes")}
    text = json.dumps({"format": 1, "complete": complete, **header, **totals, "shards": shards}, indent=1)
    aside = folder / f"{MANIFEST}.part-{os.getpid()}"
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder / MANIFEST)
