"""Reading ahead: while the model works on one batch, a thread prepares the next ones."""

import weakref
from collections.abc import Callable
from itertools import count
from queue import SimpleQueue
from threading import Event, Semaphore, Thread, current_thread
from types import TracebackType
from typing import Any

DEPTH = 2  # batches ready or being read; more would only cost memory


class BatchStream:
    """Iterator over read(start), read(start + 1), … below `stop`; an exception while reading surfaces in `next`.

    `start` is the number of the first step. `close()`, leaving a `with` block or dropping the stream ends the thread.
    """

    def __init__(self, read: Callable[[int], Any], start: int, stop: int | None = None) -> None:
        self.start = start
        self._finished = False
        self._ready: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._slots = Semaphore(DEPTH)
        stopping = Event()
        # The thread must not know the stream itself: a forgotten stream could then never be collected.
        arguments = (read, start, stop, self._ready, self._slots, stopping)
        thread = Thread(target=_read_ahead, args=arguments, name="dataio-read-ahead", daemon=True)
        self._shut_down = weakref.finalize(self, _shut_down, thread, stopping, self._slots)
        thread.start()

    def __iter__(self) -> "BatchStream":
        return self

    def __next__(self) -> Any:
        if self._finished:
            raise StopIteration
        kind, value = self._ready.get()
        if kind == "batch":
            self._slots.release()
            return value
        self.close()
        raise StopIteration if kind == "end" else value

    def close(self) -> None:
        """End the stream and its thread; may be called more than once."""
        self._finished = True
        self._shut_down()

    def __enter__(self) -> "BatchStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read_ahead(
    read: Callable[[int], Any],
    start: int,
    stop: int | None,
    ready: SimpleQueue[tuple[str, Any]],
    slots: Semaphore,
    stopping: Event,
) -> None:
    try:
        for step in count(start) if stop is None else range(start, stop):
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
