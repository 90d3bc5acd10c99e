"""Batches one after another, read ahead in a thread where that is safe."""

import weakref
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from threading import Event, Semaphore, Thread, current_thread
from types import TracebackType
from typing import Any

DEPTH = 2  # batches ready or being read; more would only cost memory


class BatchStream:
    """Iterator over the steps from `start` on. `close()`, or leaving a `with` block, ends its thread or workers."""

    def __init__(self, source: Iterator[Any], start: int) -> None:
        self.start = start
        self._source = source
        self._finished = False

    def __iter__(self) -> "BatchStream":
        return self

    def __next__(self) -> Any:
        if self._finished:
            raise StopIteration
        try:
            return next(self._source)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the stream; may be called more than once."""
        self._finished = True
        close = getattr(self._source, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> "BatchStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ReadAhead:
    """Iterator over read(step) for each of the steps, `DEPTH` ahead in a thread; errors surface in `next`."""

    def __init__(self, read: Callable[[int], Any], steps: Iterable[int]) -> None:
        self._ready: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._slots = Semaphore(DEPTH)
        stopping = Event()
        # The thread must not know this object: forgotten by everyone else, it could then never be collected.
        arguments = (read, steps, self._ready, self._slots, stopping)
        thread = Thread(target=_fill, args=arguments, name="dataio-read-ahead", daemon=True)
        self.close = weakref.finalize(self, _shut_down, thread, stopping, self._slots)
        thread.start()

    def __iter__(self) -> "ReadAhead":
        return self

    def __next__(self) -> Any:
        kind, value = self._ready.get()
        if kind == "batch":
            self._slots.release()
            return value
        raise StopIteration if kind == "end" else value


def _fill(
    read: Callable[[int], Any],
    steps: Iterable[int],
    ready: SimpleQueue[tuple[str, Any]],
    slots: Semaphore,
    stopping: Event,
) -> None:
    try:
        for step in steps:
            slots.acquire()
            if stopping.is_set():
                return
            ready.put(("batch", read(step)))
    except BaseException as error:  # whatever it is, the consumer has to see it
        ready.put(("error", error))
    else:
        ready.put(("end", None))


def _shut_down(thread: Thread, stopping: Event, slots: Semaphore) -> None:
    stopping.set()
    slots.release()
    if thread is not current_thread():
        thread.join()
