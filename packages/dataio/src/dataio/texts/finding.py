"""Which files a folder or a pattern stands for: every one once, and what is left out is counted and said."""

import glob
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from workbench import many

logger = logging.getLogger(__name__)


class Left:
    """What was left out of a source."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.suffixes: Counter[str] = Counter()
        self.unreadable: list[str] = []
        self.dangling: list[str] = []
        self.again = 0

    def other_suffix(self, file: Path) -> None:
        suffixes = [part for part in file.suffixes[-2:] if part[1:].isalnum() and len(part) < 10]
        self.suffixes["".join(suffixes).lower() or "none"] += 1

    def told(self, begin: str) -> str:
        """What was left out, in words after `begin`; nothing where nothing was."""
        parts = []
        if self.suffixes:
            most = sorted(self.suffixes.items(), key=lambda item: (-item[1], item[0]))[:5]
            each = ", ".join(f"{suffix} {count:,}" for suffix, count in most)
            more = ", …" if len(self.suffixes) > 5 else ""
            parts.append(f"{many(self.suffixes.total(), 'file')} with other suffixes ({each}{more})")
        if self.unreadable:
            parts.append(f"{many(len(self.unreadable), 'folder')} that cannot be read ({self.unreadable[0]})")
        if self.dangling:
            parts.append(f"{many(len(self.dangling), 'link')} to nothing ({self.dangling[0]})")
        if self.again:
            parts.append(f"{many(self.again, 'link')} to files that count already")
        return begin + " and ".join(parts) if parts else ""

    def say(self) -> None:
        if told := self.told("left out "):
            logger.warning("%s: %s", self.source, told)


def files_below(folder: Path, left: Left, *, hidden: bool = False) -> Iterator[Path]:
    """Every file below a folder, but for hidden ones, through links too; each folder is entered once.

    Folders that no link leads to come first, so that a file is found by its own name rather than by a link's.
    """
    entered: set[str] = set()
    folders, linked = [folder], list[Path]()
    while folders or linked:
        here = folders.pop() if folders else linked.pop(0)
        real = os.path.realpath(here)
        if real in entered:
            continue
        entered.add(real)
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:
            left.unreadable.append(str(here))
            continue
        for entry in entries:
            path = here / entry.name
            if entry.name.startswith(".") and not hidden:
                continue
            if os.path.isdir(path):
                (linked if entry.is_symlink() else folders).append(path)
            elif os.path.isfile(path):
                yield path
            elif entry.is_symlink():
                left.dangling.append(str(path))
            elif not os.path.exists(path):  # listed, but closed to us
                left.unreadable.append(str(path))


def files_matching(pattern: Path, left: Left) -> list[Path]:
    """Every file that a pattern matches, as `glob` does with `recursive=True`, but for loops of links."""
    parts = pattern.parts
    if "**" not in parts:  # as deep as it is long
        return [Path(match) for match in glob.glob(str(pattern)) if os.path.isfile(match)]
    first = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    wanted, root = parts[first:], Path(*parts[:first])
    hidden = any(part.startswith(".") for part in wanted)
    below = files_below(root, left, hidden=hidden) if root.is_dir() else ()
    return [file for file in below if _matches(file.relative_to(root).parts, wanted)]


def once(files: Iterable[Path], left: Left) -> list[Path]:
    """The files, sorted, each under one name: its own before a link's, a short one before a long one."""
    names: dict[str, Path] = {}
    for file in sorted(files, key=lambda file: (file.is_symlink(), len(file.parts), file)):
        real = os.path.realpath(file)
        left.again += real in names
        names.setdefault(real, file)
    return sorted(names.values())


def _matches(parts: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether the parts of a path are those of a pattern; `**` is any number of them, `*` none that is hidden."""
    reached = _with_none({0}, wanted)  # how many parts of the pattern may be behind us
    for part in parts:
        after: set[int] = set()
        for place in reached - {len(wanted)}:
            if wanted[place] == "**":
                after |= {place} if not part.startswith(".") else set()
            elif fnmatch(part, wanted[place]) and (wanted[place].startswith(".") or not part.startswith(".")):
                after.add(place + 1)
        reached = _with_none(after, wanted)
    return len(wanted) in reached


def _with_none(places: set[int], wanted: tuple[str, ...]) -> set[int]:
    """With the places behind each `**` that stands for nothing."""
    for place, part in enumerate(wanted):
        if part == "**" and place in places:
            places = places | {place + 1}
    return places
