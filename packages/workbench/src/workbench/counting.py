"""How far a long piece of work is: a bar on a terminal, a plain line every ten seconds elsewhere, on standard error.

What standard error cannot take is lost; nothing here fails for it.
"""

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from .output import Unfailing

Item = TypeVar("Item")
Progress = Callable[[int, int], None]
"""Called with how many steps of a piece of work are done, and how many it has: first with 0, then after every step."""
EVERY = 10.0
"""Seconds between plain lines."""
STDERR = Unfailing("stderr")


def watched() -> bool:
    """Whether a bar would be seen: standard error is a terminal, and it or COLUMNS says how wide it is."""
    if not STDERR.isatty():
        return False
    if (columns := os.environ.get("COLUMNS", "")).isdecimal() and int(columns):
        return True
    try:
        return os.get_terminal_size(STDERR.fileno()).columns > 0
    except (OSError, ValueError):
        return False


class PlainLines:
    """Plain lines about `total` steps, `done` of which came earlier: one every ten seconds.

    at_ends: one after the first step and one after the last, too.
    """

    def __init__(self, total: int, done: int = 0, *, at_ends: bool = False) -> None:
        self.total, self.done, self.at_ends = total, done, at_ends
        self._began = time.monotonic()
        self._shown = -EVERY if at_ends else 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since this was made."""
        return time.monotonic() - self._began

    def tell(self, number: int, words: Callable[[float], str]) -> None:
        """Step `number` (of all, from 1) is done: `words(seconds_left)` becomes a line if one is due."""
        elapsed = self.elapsed
        if elapsed - self._shown < EVERY and not (self.at_ends and number == self.total):
            return
        self._shown = elapsed
        left = elapsed / max(1, number - self.done) * (self.total - number)
        STDERR.write(f"{words(left)}\n")
        STDERR.flush()


def counted(items: Iterable[Item], total: int, done: int = 0, unit: str = "step") -> Iterator[Item]:
    """Pass the items through and show how many of `total` there have been; `done` came earlier."""
    if watched():
        from tqdm.auto import tqdm

        yield from tqdm(items, total=total, initial=done, unit=unit, dynamic_ncols=True, file=STDERR)
        return
    lines = PlainLines(total, done)
    for number, item in enumerate(items, start=done + 1):
        yield item
        lines.tell(number, lambda left, n=number: f"{n} of {total} {unit}s, {left:.0f} s left")  # type: ignore[misc]


def unwatched(done: int, total: int) -> None:
    """Nobody wants to know: a `Progress` that does nothing."""


class Whole:
    """Several pieces of work as one of `total` steps; each piece is given this as its own progress."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.total, self.done, self.progress = total, 0, progress
        progress(0, total)

    def __call__(self, done: int, total: int) -> None:
        """One more step of the whole is done, unless a piece only begins."""
        if done:
            self.done += 1
            self.progress(self.done, self.total)


@contextmanager
def shown(prog: str, what: str) -> Iterator[Progress]:
    """Say `prog: what` on standard error once that begins, then how far it is, as `counted` does."""
    steps: Iterator[int] = iter(())

    def progress(done: int, total: int) -> None:
        nonlocal steps
        if done == 0:
            STDERR.write(f"{prog}: {what}\n")
            STDERR.flush()
            steps = counted(range(total), total)
        next(steps, None)  # what `counted` is asked for next shows that the one before is done

    try:
        yield progress
    finally:
        if isinstance(steps, Generator):
            steps.close()
