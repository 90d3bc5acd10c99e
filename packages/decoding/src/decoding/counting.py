"""How far a command is: a bar on a terminal, a plain line every ten seconds elsewhere, on standard error."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
EVERY = 10.0
"""Seconds between plain lines."""


def counted(items: Iterable[Item], total: int, done: int, unit: str) -> Iterator[Item]:
    """Pass the items through and show how many of `total` there have been; `done` came earlier."""
    if sys.stderr.isatty():
        from tqdm.auto import tqdm

        yield from tqdm(items, total=total, initial=done, unit=unit, dynamic_ncols=True)
        return
    began = shown = time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - shown >= EVERY:
            left = (now - began) / number * (total - done - number)
            sys.stderr.write(f"{done + number} of {total} {unit}s, {left:.0f} s left\n")
            shown = now
