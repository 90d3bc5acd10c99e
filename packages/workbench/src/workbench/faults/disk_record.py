"""What a folder would hold if a piece of work were killed, or the power failed, at any moment: for tests of what is
written.

    with recorded_disk(folder) as disk:
        save(folder)
    for content in disk.moments():
        lay_out(content, elsewhere)
        assert load(elsewhere) in (old, new)

Nothing is killed. Every flush, rename and exchange of this process is a moment, before it and after it, and what would
be there is known from what was flushed until then.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any
from unittest.mock import patch

from ..files import exchange, whole_folders

Content = dict[str, bytes | None]
"""Paths within the folder, with the bytes of files and None for folders."""


class DiskRecord:
    """Attributes, each one content a moment:

    killed: the process was killed; what it wrote is there.
    cut: the power failed, and the file system had written names before contents, as it may: a file has what it had
        when it was flushed last, nothing if it never was.
    forgotten: the power failed before the file system wrote any name that it was not made to: a folder has the names
        that it had when it was flushed last.
    calls: what was called, such as `fsync a.txt`, `rename .a.part-7 -> a`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.killed: list[Content] = []
        self.cut: list[Content] = []
        self.forgotten: list[Content] = []
        self.calls: list[str] = []
        self._flushed: dict[int, bytes] = {}
        self._names: dict[int, dict[str, os.stat_result]] = {}
        self._open: list[int] = []  # so that no number of a file is given to another one
        self._lock = RLock()
        self._root = folder.stat().st_ino
        for path in (folder, *folder.rglob("*")):
            self._remember(path)

    def moments(self) -> list[Content]:
        """All that may be found, each once."""
        found: list[Content] = []
        for content in (*self.killed, *self.cut, *self.forgotten):
            if content not in found:
                found.append(content)
        return found

    def finally_there(self) -> list[Content]:
        """What may be found after the work has ended."""
        return [states[-1] for states in (self.killed, self.cut, self.forgotten)]

    def note(self, call: str = "") -> None:
        """A moment; `call` is what happens next."""
        with self._lock:
            self.killed.append(self._now(flushed_only=False))
            self.cut.append(self._now(flushed_only=True))
            self.forgotten.append(self._remembered(self._root, ""))
            if call:
                self.calls.append(call)

    def flushed(self, descriptor: int) -> None:
        """An open file, or folder, is on the disk."""
        with self._lock:
            number = os.fstat(descriptor).st_ino
            for path in (self.folder, *self.folder.rglob("*")):
                with suppress(FileNotFoundError):
                    if path.lstat().st_ino == number:
                        self._remember(path)

    def close(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)

    def _remember(self, path: Path) -> None:
        state = path.lstat()
        if stat.S_ISDIR(state.st_mode):
            self._names[state.st_ino] = {name.name: name.lstat() for name in path.iterdir()}
        elif stat.S_ISREG(state.st_mode):
            self._open.append(os.open(path, os.O_RDONLY))
            self._flushed[state.st_ino] = path.read_bytes()

    def _now(self, *, flushed_only: bool) -> Content:
        content: Content = {}
        for path in sorted(self.folder.rglob("*")):
            with suppress(FileNotFoundError):  # another thread took it away
                state, name = path.lstat(), path.relative_to(self.folder).as_posix()
                if stat.S_ISDIR(state.st_mode):
                    content[name] = None
                elif flushed_only:
                    content[name] = self._flushed.get(state.st_ino, b"")
                else:
                    content[name] = path.read_bytes()
        return content

    def _remembered(self, folder: int, begin: str) -> Content:
        content: Content = {}
        for name, state in self._names.get(folder, {}).items():
            if stat.S_ISDIR(state.st_mode):
                content |= {f"{begin}{name}": None, **self._remembered(state.st_ino, f"{begin}{name}/")}
            else:
                content[f"{begin}{name}"] = self._flushed.get(state.st_ino, b"")
        return content


@contextmanager
def recorded_disk(folder: str | Path) -> Iterator[DiskRecord]:
    """Record what this process does inside the `with` to a folder that exists; see `DiskRecord`. POSIX only: Windows
    flushes no folders."""
    disk = DiskRecord(Path(folder))
    real_fsync = os.fsync

    def fsync(file: Any) -> None:
        descriptor = file if isinstance(file, int) else file.fileno()
        disk.note(f"fsync {_name_of(disk.folder, descriptor)}")
        real_fsync(descriptor)
        disk.flushed(descriptor)

    def recorded(kind: str, real: Any) -> Any:
        def call(one: Any, other: Any, **options: Any) -> Any:
            disk.note(f"{kind} {Path(one).name} -> {Path(other).name}")
            done = real(one, other, **options)
            disk.note()
            return done

        return call

    exchanged = recorded("exchange", exchange.exchange)
    with (
        patch.object(os, "fsync", fsync),
        patch.object(os, "rename", recorded("rename", os.rename)),
        patch.object(os, "replace", recorded("replace", os.replace)),
        patch.object(whole_folders, "exchange", exchanged),
    ):
        try:
            yield disk
        finally:
            disk.note()
            disk.close()


def lay_out(content: Content, folder: str | Path) -> None:
    """Write a moment's content into a folder, which is made."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, written in content.items():
        path = Path(folder, name)
        if written is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(written)


def _name_of(folder: Path, descriptor: int) -> str:
    number = os.fstat(descriptor).st_ino
    for path in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):
            if path.lstat().st_ino == number:
                return path.name
    return "elsewhere"
