"""Two names of one file system that change places in one step, where the system can do that."""

import ctypes
import errno
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

HERE, BOTH = -100, 2
"""AT_FDCWD: paths are relative to the current folder. RENAME_EXCHANGE: each name gets what the other had."""
CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}
"""The kernel or the file system lacks it, or a sandbox forbids it."""


def exchange(one: Path, other: Path) -> bool:
    """Whether the two, which both exist, have changed places. False: nothing happened, the system has no such step.

    renameat2(2) of Linux 3.15, by way of the C library; Python has no name for it. Raises OSError as `os.rename`.
    """
    rename = _renameat2()
    if rename is None:
        return False
    if rename(HERE, os.fsencode(one), HERE, os.fsencode(other), BOTH) == 0:
        return True
    number = ctypes.get_errno()
    if number in CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


@cache
def _renameat2() -> Any:
    if sys.platform != "linux":
        return None
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # musl has none
    if function is not None:
        function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return function
