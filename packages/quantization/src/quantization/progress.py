"""How far a long piece of work is. Functions call back, commands show it."""

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

from decoding.counting import counted

Progress = Callable[[int, int], None]
"""Called with how many steps of a piece of work are done, and how many it has: first with 0, then after every step."""


def unwatched(done: int, total: int) -> None:
    """Nobody wants to know."""


class Whole:
    """Several pieces of work as one of `total` steps; each piece is given this as its own progress."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.total, self.done, self.progress = total, 0, progress
        progress(0, total)

    def __call__(self, done: int, total: int) -> None:
        if done:
            self.done += 1
            self.progress(self.done, self.total)


@contextmanager
def shown(what: str) -> Iterator[Progress]:
    """Say on standard error what begins once it does, then how far it is: a bar on a terminal, a plain line every ten
    seconds elsewhere."""
    steps: Iterator[int] = iter(())

    def progress(done: int, total: int) -> None:
        nonlocal steps
        if done == 0:
            sys.stderr.write(f"quantization: {what}\n")
            sys.stderr.flush()
            steps = counted(range(total), total, 0, "step")
        next(steps, None)  # what `counted` is asked for next shows that the one before is done

    try:
        yield progress
    finally:
        if isinstance(steps, Generator):
            steps.close()
