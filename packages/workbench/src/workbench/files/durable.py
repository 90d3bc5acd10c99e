"""Files that are on the disk when the call returns, whole or not at all: written aside, flushed, then renamed.

Flushed are the content AND the folder that names it. What a killed writer leaves aside is called `.NAME.part-PID`.
"""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path


def make_folder(path: Path) -> None:
    """Make a folder with those above it, their names flushed too; an OSError of the same errno says what to do where
    that cannot be."""
    try:
        new = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for folder in new:
            with suppress(PermissionError):  # a folder that may be written to, but not listed
                sync(folder.parent)
    except OSError as error:
        raise OSError(
            error.errno,
            f"wanted a folder that can be made, got {error.strerror!r}; name another, or change what is in the way",
            str(path),
        ) from error


def sync(path: Path) -> None:
    """Flush a file, or on POSIX a folder's list of names, to the disk. Windows flushes names with the file."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give_usual_mode(path: Path) -> None:
    """The permissions that a file written the usual way gets here: safetensors goes by a private temporary file.

    The umask itself can be read only by changing it, which other threads would notice.
    """
    usual = path.with_name(f".{path.name}.mode")
    usual.touch()
    path.chmod(usual.stat().st_mode & 0o777)
    usual.unlink()


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """The path to write to inside the `with`; at its end that file takes the name `path`, in one step.

    Readers see the old content or the new, never half of it. After an error the old content stays.
    """
    path = Path(path)
    aside = aside_of(path)
    try:
        yield aside
        sync(aside)
        os.replace(aside, path)
        sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Replace a text file in one step: UTF-8, exactly these characters (no line end is added or changed)."""
    with whole_file(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="")


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Write files that belong together: all of them aside and onto the disk first, then each takes its name.

    A full disk leaves what was there, and so does a kill, but for one between two renames.
    """
    asides = {path: aside_of(path) for path in contents}
    try:
        for path, content in contents.items():
            asides[path].write_bytes(content)
            sync(asides[path])
        for path, aside in asides.items():
            os.replace(aside, path)
        for folder in dict.fromkeys(path.parent for path in contents):
            sync(folder)
    finally:
        for aside in asides.values():
            aside.unlink(missing_ok=True)


def is_full(error: BaseException) -> bool:
    """Whether the disk, or the user's share of it, is full; safetensors carries the number in its text only."""
    codes = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
    return (isinstance(error, OSError) and error.errno in codes) or any(f"os error {c})" in str(error) for c in codes)


def aside_of(path: Path) -> Path:
    """Where this process writes what will take the name `path`."""
    return path.with_name(f".{path.name}.part-{os.getpid()}")
