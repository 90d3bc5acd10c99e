"""Where the time of a run goes."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

REST = "everything else"


class Stopwatch:
    """`with watch("forward"): ...` books the time inside under that name; `watch.seconds` has it by name.

    Every moment counts once: a part inside another is booked by itself only, and what is in no part is `REST`. So the
    parts add up to all the time since the stopwatch was made. On a GPU each turn waits for what was asked of it before;
    that takes time, and changes no result. In a trace of torch.profiler the parts bear the same names.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter):
        self._booked: defaultdict[str, float] = defaultdict(float)
        self._now, self._part, self._since = now, REST, now()

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of each part so far, the longest first."""
        self._turn(self._part)
        return dict(sorted(self._booked.items(), key=lambda entry: -entry[1]))

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        outer = self._turn(part)
        try:
            with torch.profiler.record_function(part):
                yield
        finally:
            self._turn(outer)

    def _turn(self, part: str) -> str:
        """Book the time since the last turn; from now on it is `part`'s. Returns whose it was."""
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        moment, before = self._now(), self._part
        self._booked[before] += moment - self._since
        self._since, self._part = moment, part
        return before


def timed(watch: Stopwatch | None, part: str) -> AbstractContextManager[None]:
    """`watch(part)`, or nothing without a stopwatch."""
    return nullcontext() if watch is None else watch(part)
