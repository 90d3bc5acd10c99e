"""Files that are on the disk when the call returns: fsync of the content AND of the folder that names it."""

import errno
import os
import shutil
from pathlib import Path


def make_folder(path: Path) -> None:
    """Make a run's folder with those above it; an OSError of the same errno says what to do where that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
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


def write_text(path: Path, text: str) -> None:
    """Replace a small file in one step: readers see the old content or the new, never half of it."""
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(text + "\n", encoding="utf-8")
    sync(aside)
    os.replace(aside, path)
    sync(path.parent)


def replace_folder(staged: Path, final: Path, replaced: Path) -> None:
    """Rename `staged` to `final`. A folder already there waits as `replaced` until the new one has its name."""
    if final.exists():
        final.rename(replaced)
    staged.rename(final)
    sync(final.parent)
    if replaced.exists():
        shutil.rmtree(replaced)


def is_full(error: BaseException) -> bool:
    """Whether the disk, or the user's share of it, is full; safetensors carries the number in its text only."""
    codes = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
    return (isinstance(error, OSError) and error.errno in codes) or any(f"os error {c})" in str(error) for c in codes)
