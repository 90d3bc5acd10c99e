"""Signals that end a command: as an exception that unwinds its work, and never lost on the way."""

import signal
import sys
import threading
import time
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDS = {"SIGTERM": "terminated", "SIGHUP": "hung up"}
"""Signals that unwind the work as an exception, and what is said then. SIGHUP: its terminal was closed."""


class Terminated(BaseException):
    """One of the signals `ENDS` came."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def terminated() -> Iterator[None]:
    """The signals `ENDS` as an exception, where nobody else handles or ignores them (nohup ignores SIGHUP)."""
    here = [getattr(signal, name) for name in ENDS if hasattr(signal, name)]
    in_main = threading.current_thread() is threading.main_thread()
    ours = [number for number in here if in_main and signal.getsignal(number) is signal.SIG_DFL]

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated(number)

    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def none_lost() -> Iterator[None]:
    """A stop that falls into a callback, where Python drops every exception, comes again once the callback is over.

    Each import of a module ends in such a callback, of a weak reference, so the seconds in which a command starts have
    thousands of them.
    """
    usual, again = sys.unraisablehook, list[threading.Timer]()
    at_work: list[bool] = []

    def press(number: int) -> None:
        while at_work:  # on a busy machine the hook may take longer than the timer
            time.sleep(0.01)
        _press(number)

    def hook(dropped: Any) -> None:
        stop = dropped.exc_value
        if not isinstance(stop, (KeyboardInterrupt, Terminated)):
            return usual(dropped)
        at_work.append(True)
        try:
            number = stop.number if isinstance(stop, Terminated) else signal.SIGINT
            again.append(threading.Timer(0.01, press, (number,)))
            again[-1].start()
        finally:
            at_work.pop()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = usual
        for timer in again:
            timer.join()


def _press(number: int) -> None:
    """The signal once more, to the main thread, which may be waiting."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)
    else:
        interrupt_main(signal.Signals(number))
