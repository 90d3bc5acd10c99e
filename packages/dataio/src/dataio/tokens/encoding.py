"""One shard after another encoded and written, by this process or by several."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from ..processes.workers import GUARD, WorkerError
from ..texts.corpora import Document
from .files import write_tokens
from .manifest import Shard, checksum, other_text

Encode = Callable[[str], Sequence[int] | np.ndarray]


@dataclass(frozen=True)
class Task:
    """What a worker needs to write one shard."""

    path: Path
    documents: tuple[Document, ...]
    fingerprint: str


def encoded(
    tasks: Iterator[Task], done: dict[str, Shard], encode: Encode, write: Callable[..., Shard], num_workers: int
) -> Iterator[tuple[Shard, bool]]:
    """Give each task's shard and whether it was written now: in order without workers, else as they are finished."""
    if not num_workers:
        for task in tasks:
            kept = _kept(task, done)
            yield kept or write(task, encode), kept is None
        return
    with ProcessPoolExecutor(num_workers, initializer=_remember, initargs=(encode,)) as pool:
        running: deque[Any] = deque()
        try:
            for task in tasks:
                if kept := _kept(task, done):
                    yield kept, False
                    continue
                # One more than there are workers: the next is read while they all write, and no more than that.
                while len(running) > num_workers:
                    yield from _finished(running)
                running.append(pool.submit(_write_remembered, task, write))
            while running:
                yield from _finished(running)
        except BrokenProcessPool as error:
            raise WorkerError(
                f"wanted all shards, but a worker ended: {error}; run again to go on (with fewer workers if memory was "
                f"short). If the main script has no `__main__` guard, that is why: {GUARD}"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _finished(running: deque[Any]) -> Iterator[tuple[Shard, bool]]:
    finished, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in finished:
        running.remove(future)
        yield future.result(), True


def _kept(task: Task, done: dict[str, Shard]) -> Shard | None:
    shard = done.get(task.path.name)
    if shard and shard.fingerprint != task.fingerprint:
        raise other_text(task.path.parent, shard.file)
    return shard


_encode: Encode  # in a worker


def _remember(encode: Encode) -> None:
    """Keep the encoder in this worker: sent with every task, a large vocabulary would cost more than the encoding."""
    global _encode
    _encode = encode
    Thread(target=_end_with_parent, name="dataio-end-with-parent", daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when the process that it works for was killed: nobody else would, and it would wait forever."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _write_remembered(task: Task, write: Callable[..., Shard]) -> Shard:
    return write(task, _encode)


def write_shard(task: Task, encode: Encode, *, n_vocab: int, end_of_text: int | None) -> Shard:
    kind = np.uint16 if n_vocab <= 2**16 else np.uint32
    end = np.array([] if end_of_text is None else [end_of_text], dtype=np.int64)
    pieces: list[np.ndarray] = []
    for document in task.documents:
        ids = np.append(np.asarray(encode(document.text), dtype=np.int64), end)
        if ids.size and not 0 <= ids.min() <= ids.max() < n_vocab:
            raise ValueError(
                f"wanted token ids from 0 to {n_vocab - 1}, got {ids.min()} to {ids.max()} in document "
                f"{document.name!r}; pass the n_vocab of the tokenizer"
            )
        pieces.append(ids.astype(kind))
    tokens = np.concatenate(pieces)
    write_tokens(task.path, tokens, n_vocab)
    n_bytes = sum(len(document.text.encode()) for document in task.documents)
    counts = (len(task.documents), len(tokens), n_bytes)
    return Shard(task.path.name, *counts, task.fingerprint, checksum(task.path))
