"""Folders that are on the disk when the call returns, whole or not at all, as `durable` has it for files.

Where the system lets two names change places in one step (`exchange`), a folder that takes the place of another does so
in that step. Elsewhere that takes two, and a kill in between leaves the old folder aside, under no name of its own.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .claims import hold
from .durable import aside_of, make_folder, sync
from .exchange import exchange


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """An empty folder to fill inside the `with`; at its end it takes the name `path`, and a folder already there goes.

    Those above are made. After an error what was there stays.
    """
    path = Path(path)
    aside = aside_of(path)
    make_folder(path.parent)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        yield aside
        for inner in (*aside.rglob("*"), aside):
            if not inner.is_symlink():
                sync(inner)
        replace_folder(aside, path, aside.with_name(f"{aside.name}-replaced"))
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def saved_over(path: str | Path, stale: Callable[[Path], bool]) -> Iterator[Path]:
    """`whole_folder` for what may lie in a folder with other things: those are carried over, unless `stale` says that
    they belong to what is replaced, or the new has something of that name. Two that save at once wait for each other.
    """
    path = Path(path)
    make_folder(path.parent)
    with hold(path.with_name(f"{path.name}.save"), wait=True), whole_folder(path) as staged:
        yield staged
        for old in path.iterdir() if path.is_dir() else ():
            new = staged / old.name
            if old.name == ".lock" or new.exists() or stale(old):
                continue
            if old.is_dir() and not old.is_symlink():
                shutil.copytree(old, new, symlinks=True)
            else:
                shutil.copy2(old, new, follow_symlinks=False)


def replace_folder(staged: Path, final: Path, replaced: Path) -> None:
    """`staged` takes the name `final`, in one step where the system has one. Elsewhere a folder already there waits as
    `replaced` until the new one has its name."""
    if final.is_dir() and not final.is_symlink() and exchange(staged, final):
        sync(final.parent)
        shutil.rmtree(staged)
        return
    if final.exists():
        final.rename(replaced)
    staged.rename(final)
    sync(final.parent)
    if replaced.exists():
        shutil.rmtree(replaced)
