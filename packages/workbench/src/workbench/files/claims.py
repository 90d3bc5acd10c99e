"""Folders and files that one process at a time writes to: named by whoever makes them first, held while it works.

A hold is a lock of the operating system on a small file, which says who holds it: `.lock` in a folder, `.NAME.lock`
beside a file. The system gives it back however the process ends, SIGKILL and a power cut included, so a number that
another process has by now, or a file left behind, never stands in the way. It goes by process: children of a fork do
not hold it, threads of one process are kept apart by `_ours`, and on POSIX whatever else of this process opens and
closes the lock file gives it away.
"""

import errno
import logging
import os
import socket
import sys
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import RLock

BYTE = 2**30
"""What is locked lies behind all content: Windows lets nobody read a locked byte."""
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}
logger = logging.getLogger(__name__)
_ours: dict[Path, tuple[int, int]] = {}
"""Of each lock that this process has: how many hold it, and the open file."""
_looking = RLock()  # what is thrown away while it is held may be a Hold
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ours.clear)


class InUse(ValueError):
    """Another process, or another part of this one, holds it. pid: its number; None where it did not say."""

    def __init__(self, message: str, pid: int | None) -> None:
        super().__init__(message)
        self.pid = pid


class Hold:
    """A folder or file that this process holds, until `release`, the end of a `with`, or the end of the process.

    Attributes:
        path: what is held.
        left_by: number of a process that held it last and was killed; None where it was released.
    """

    def __init__(self, path: Path, lock: Path, left_by: int | None) -> None:
        self.path, self.left_by = path, left_by
        self._end = weakref.finalize(self, _release, lock, os.getpid())

    def release(self) -> None:
        """Let others have it; again, nothing."""
        self._end()

    def __enter__(self) -> "Hold":
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def claimed_folder(parent: str | Path, begin: str = "") -> Path:
    """Make the next free of parent/001, parent/002, … (with `begin` before the number) and return its path.

    Of two processes that ask at once each gets its own: to make a folder is one step, which fails where it exists.
    """
    parent = Path(parent)
    parent.mkdir(parents=True, exist_ok=True)
    taken = {path.name for path in parent.iterdir()}
    number = 1
    while True:
        name = f"{begin}{number:03d}"
        if name not in taken:
            try:
                (parent / name).mkdir()
            except FileExistsError:
                pass
            else:
                return parent / name
        number += 1


def hold(
    path: str | Path,
    *,
    wait: bool = False,
    waiting: Callable[[InUse], None] | None = None,
    shared: bool = False,
) -> Hold:
    """Hold a folder that exists, or a file that may not exist yet (its folder does), so that no other process does.

    A file system without locks is warned of, and nothing is held. A folder's `.lock` is no content: see `is_vacant`.

    Args:
        wait: for whoever holds it now; otherwise that is an error.
        waiting: told once, before waiting begins, such as `lambda said: logger.info("%s", said)`.
        shared: with other parts of this process, as in a notebook where one object still holds what the next resumes.

    Raises:
        InUse: a ValueError with the number of the process that holds it.
        OSError: the lock file cannot be written.
    """
    path = Path(path)
    place = path.resolve()
    lock = place / ".lock" if place.is_dir() else place.with_name(f".{place.name}.lock")
    while True:
        got = _taken(path, lock, shared)
        if isinstance(got, Hold):
            return got
        if not wait:
            raise got
        if waiting is not None:
            waiting(got)
            waiting = None
        time.sleep(0.1)


def is_vacant(folder: str | Path) -> bool:
    """Whether a folder is empty but for the lock of whoever holds it."""
    return all(path.name == ".lock" for path in Path(folder).iterdir())


def _taken(path: Path, lock: Path, shared: bool) -> "Hold | InUse":
    with _looking:
        if lock in _ours:  # to open and close it once more would give the lock away
            if shared:
                holders, descriptor = _ours[lock]
                _ours[lock] = holders + 1, descriptor
                return Hold(path, lock, None)
            return InUse(_in_use(path, f"this process ({os.getpid()})"), os.getpid())
        while True:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                _lock(descriptor)
            except OSError as error:
                if error.errno in NO_LOCKS:
                    logger.warning("%s: this file system has no locks; see that one process at a time writes", path)
                elif error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                    said = _said(descriptor, patience=1.0)
                    os.close(descriptor)
                    return InUse(_in_use(path, _name(said)), _number(said))
                else:
                    os.close(descriptor)
                    raise
            if _is_there(lock, descriptor):
                break
            os.close(descriptor)  # its holder took the file away in between
        left_by = _number(_said(descriptor))
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        with suppress(OSError):  # a full disk: held all the same, though nobody can read by whom
            os.write(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())
        _ours[lock] = 1, descriptor
        return Hold(path, lock, left_by)


def _release(lock: Path, pid: int) -> None:
    if os.getpid() != pid:  # a fork, which does not hold it
        return
    with _looking:
        holders, descriptor = _ours.pop(lock)
        if holders > 1:
            _ours[lock] = holders - 1, descriptor
            return
        os.ftruncate(descriptor, 0)
        with suppress(OSError):  # Windows removes no open file; an empty one says nothing
            if _is_there(lock, descriptor):
                lock.unlink()
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    os.lseek(descriptor, BYTE, os.SEEK_SET)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)


def _is_there(lock: Path, descriptor: int) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(lock.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _said(descriptor: int, patience: float = 0.0) -> list[str]:
    """Number and machine of whoever wrote the lock file; a holder has `patience` seconds to write them."""
    end = time.monotonic() + patience
    while True:
        os.lseek(descriptor, 0, os.SEEK_SET)
        words = os.read(descriptor, 300).decode("utf-8", "replace").split()
        if len(words) == 2 and words[0].isdecimal():
            return words
        if time.monotonic() >= end:
            return []
        time.sleep(0.02)


def _number(said: list[str]) -> int | None:
    return int(said[0]) if said else None


def _name(said: list[str]) -> str:
    if not said:
        return "another process"
    return f"process {said[0]}" + (f" on {said[1]}" if said[1] != socket.gethostname() else "")


def _in_use(path: Path, holder: str) -> str:
    return (
        f"wanted {path} for this process alone, got it in use by {holder}; wait until that has ended, or name another"
    )
