"""A learner's folder: the exercises as files, and what is known of them (`.ladder.json`)."""

import itertools
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench import digest, write_text

from .catalog import course, exercises
from .exercise import MARK, Exercise

STATE = ".ladder.json"
USUAL = "my-gpt2"


@dataclass
class Workplace:
    """A folder with exercises."""

    folder: Path
    known: tuple[Exercise, ...]
    course: str | None = None
    """Where a teacher's exercises come from; None: ours."""
    passed: dict[str, str] = field(default_factory=dict)
    """The digest of each file as it passed."""
    hints: dict[str, int] = field(default_factory=dict)
    """How many hints were given."""

    def path(self, exercise: Exercise) -> Path:
        """The learner's file."""
        return self.folder / exercise.file_name

    def has_passed(self, exercise: Exercise) -> bool:
        """Whether the file passed as it is now."""
        path = self.path(exercise)
        return exercise.name in self.passed and path.is_file() and digest_of(path) == self.passed[exercise.name]

    def has_begun(self, exercise: Exercise) -> bool:
        """Whether the file is another than the one that was copied."""
        path = self.path(exercise)
        return path.is_file() and plain_text(path) != exercise.template

    def next(self) -> Exercise | None:
        """The first exercise that has not passed; None when all have."""
        return next((exercise for exercise in self.known if not self.has_passed(exercise)), None)

    def note(self, exercise: Exercise, passed: bool) -> None:
        """Write down what a check found."""
        if passed:
            self.passed[exercise.name] = digest_of(self.path(exercise))
        else:
            self.passed.pop(exercise.name, None)
        self.save()

    def save(self) -> None:
        """Write what is known."""
        told = {"course": self.course, "passed": self.passed, "hints": self.hints}
        write_text(self.folder / STATE, f"{json.dumps(told, indent=2)}\n")


def start(folder: Path, source: Path | None) -> tuple[Workplace, int]:
    """Copy the exercises; files that are there stay as they are. Returns how many are new, too.

    ValueError for a folder with another course's exercises in it.
    """
    named = None if source is None else str(source.resolve())
    known = exercises() if source is None else course(source)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: wanted a folder, or a name that is free, got a file; name another")
    if (folder / STATE).is_file():
        place = opened(folder)
        if place.course != named:
            other = place.course or "this program"
            raise ValueError(f"{folder}: wanted a folder without other exercises, got those of {other}; name another")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        place = Workplace(folder, known, named)
    new = [exercise for exercise in known if not place.path(exercise).exists()]
    for exercise in new:
        write_text(place.path(exercise), exercise.template)
    place.save()
    return place, len(new)


def found(given: Path | None) -> Workplace:
    """The folder that is named, or the one around here. ValueError where there is none."""
    if given is not None:
        places = [given]
    else:
        here = Path.cwd()
        places = [Path(), Path(USUAL), *here.parents]
    for folder in places:
        if (folder / STATE).is_file():
            return opened(folder)
    where = f"{given}" if given is not None else "here"
    raise ValueError(f"{where}: wanted a folder with exercises, got none; `ladder start` makes one")


def opened(folder: Path) -> Workplace:
    """The folder, with what is known of it. ValueError for a file that says something else."""
    path = folder / STATE
    try:
        told: Any = json.loads(path.read_text("utf-8"))
        named, passed, hints = told["course"], dict(told["passed"]), dict(told["hints"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: wanted what `ladder start` writes, got something else ({error}); delete it"
        ) from None
    return Workplace(folder, exercises() if named is None else course(Path(named)), named, passed, hints)


def reset(place: Workplace, exercise: Exercise) -> Path | None:
    """Bring the exercise back as it came; returns where the learner's file is kept, None where there is nothing to
    keep."""
    path = place.path(exercise)
    kept: Path | None = None
    if path.exists() and plain_text(path) != exercise.template:
        backups = (path.with_name(f"{path.stem}.backup-{number}.py") for number in itertools.count(1))
        kept = next(backup for backup in backups if not backup.exists())
        shutil.copy2(path, kept)
    write_text(path, exercise.template)
    place.note(exercise, passed=False)
    return kept


def plain_text(path: Path) -> str:
    """A file with line ends as Python writes them."""
    return path.read_bytes().decode("utf-8-sig", "replace").replace("\r\n", "\n")


def digest_of(path: Path) -> str:
    """Of the text, whatever its line ends."""
    return digest(plain_text(path))


def written_lines(exercise: Exercise, text: str) -> list[str]:
    """The lines of a learner's file that are not in the exercise as it came."""
    given = {line.strip() for line in exercise.template.splitlines()}
    lines = [line for line in text.splitlines() if line.strip() and line.strip() not in given]
    return [line for line in lines if MARK not in line]


def changed(place: Workplace, seen: dict[Path, tuple[int, int]]) -> list[Exercise]:
    """The exercises whose files were saved since `seen` was brought up to date, which this does."""
    found = []
    for exercise in place.known:
        path = place.path(exercise)
        try:
            stat = path.stat()
        except OSError:
            continue
        now = stat.st_mtime_ns, stat.st_size
        if path in seen and seen[path] != now:
            found.append(exercise)
        seen[path] = now
    return found
