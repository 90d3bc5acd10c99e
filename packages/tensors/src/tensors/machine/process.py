"""What a process settles before it computes: how its threads wait, and what the C library does with freed memory."""

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from workbench import spin_briefly as spin_briefly  # handed on: commands of this workspace set it first

LARGEST_KEPT = 32 << 20
"""Bytes of a block: the most that glibc lets one keep (mallopt(3), M_MMAP_THRESHOLD)."""
MOST_KEPT = 256 << 20
"""Bytes of freed memory that stay with the process: what a decoding step needs again at once."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def keep_freed_memory(most: int = MOST_KEPT) -> bool:
    """Let the C library keep freed blocks of up to 32 MB, `most` bytes in all, for what comes next; True where it does.

    glibc gives large blocks back to the system as soon as they are freed, and the page faults of getting new ones can
    cost a fifth of a training step and more than sampling itself. The peak of memory stays what it was. Elsewhere than
    with glibc nothing happens.
    """
    mallopt = _mallopt()
    return mallopt is not None and all(
        mallopt(option, size) == 1 for option, size in ((_M_MMAP_THRESHOLD, LARGEST_KEPT), (_M_TRIM_THRESHOLD, most))
    )


def give_back_freed_memory() -> None:
    """Give what `keep_freed_memory` kept back to the system: before a block that would not fit into it anyway."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


@contextmanager
def laid_apart() -> Iterator[None]:
    """Inside `with`, glibc gives each block of 4 kB or more pages of its own: for what stays as long as the process.

    Between blocks that come and go, such as what a step keeps for its way back, a lasting one leaves gaps that nothing
    fits in any more: a seventh of the memory of a training step. Afterwards it is as `keep_freed_memory` left it.
    Elsewhere than with glibc nothing happens.
    """
    mallopt = _mallopt()
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 1 << 12)
    try:
        yield
    finally:
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, LARGEST_KEPT)


def _mallopt() -> Callable[[int, int], Any] | None:
    return getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
