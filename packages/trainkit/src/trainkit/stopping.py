"""Ways to end a run early: a signal that asks for it, and a score that no longer improves."""

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from signal import Signals
from types import FrameType
from typing import Any

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Ctrl-C, an end that was asked for, and the terminal (or the connection to it) that was closed."""
HANGUP = getattr(signal, "SIGHUP", None)


@dataclass
class Stop:
    """Whether, and by which signal, the run was asked to end."""

    signal: Signals | None = None

    @property
    def requested(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """As a shell reports the signal: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP; 0 if none came."""
        return 0 if self.signal is None else 128 + self.signal


@contextmanager
def graceful_stop() -> Iterator[Stop]:
    """Inside, the first SIGINT, SIGTERM or SIGHUP only sets `.requested`; the loop finishes its step, saves and leaves.

    A second one raises KeyboardInterrupt, but not a SIGHUP: shells and systems send it once more for the same closed
    terminal. Where SIGHUP is ignored (nohup) it stays so. The earlier handlers come back at the end. Main thread only,
    as Python wants.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("wanted graceful_stop in the main thread, which gets the signals, got another; call it there")
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.requested and number != HANGUP:
            raise KeyboardInterrupt
        if stop.requested:
            return
        stop.signal = signal.Signals(number)

    ours = [one for one in SIGNALS if one != HANGUP or signal.getsignal(one) is not signal.SIG_IGN]
    earlier: dict[signal.Signals, Any] = {number: signal.signal(number, handle) for number in ours}
    try:
        yield stop
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


class Patience:
    """`exhausted(score)` after `steps` scores in a row that were not lower than the best by more than `minimum`."""

    def __init__(self, steps: int, minimum: float = 0.0):
        if steps < 1 or minimum < 0:
            raise ValueError(f"wanted steps >= 1 and minimum >= 0, got {steps} and {minimum}; 3 to 10 steps are usual")
        self.steps, self.minimum = steps, minimum
        self.best, self.waited = math.inf, 0

    def exhausted(self, score: Any) -> bool:
        """Take one score (a number or an Evaluation; lower is better)."""
        if float(score) < self.best - self.minimum:
            self.best, self.waited = float(score), 0
        else:
            self.waited += 1
        return self.waited >= self.steps
