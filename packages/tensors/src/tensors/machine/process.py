"""What a process settles before it computes: how its threads wait, and what the C library does with freed memory."""

import ctypes
import sys
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
    mallopt = _of_glibc("mallopt")
    return mallopt is not None and all(
        mallopt(option, size) == 1 for option, size in ((_M_MMAP_THRESHOLD, LARGEST_KEPT), (_M_TRIM_THRESHOLD, most))
    )


def give_back_freed_memory() -> None:
    """Give what `keep_freed_memory` kept back to the system: before a block that would not fit into it anyway."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
