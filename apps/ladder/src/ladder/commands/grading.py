"""`ladder grade`: what holds in the folders of several learners."""

import json as json_text
from pathlib import Path
from typing import Any

from .. import workplace
from ..catalog import course
from ..exercise import Exercise, fitted
from ..processes.runner import Checker, Verdict
from ..workplace import STATE, Workplace
from .checking import checked_seconds
from .settings import Grade


def grade(settings: Grade) -> int:
    """Every exercise of every folder, each folder in a process of its own. 1 where something does not hold."""
    fixed = None if settings.course is None else course(settings.course)
    places = [graded(folder, fixed) for folder in settings.folders]
    if not places:
        raise ValueError("wanted folders to grade, got none; name them: ladder grade my-gpt2")
    perfect = True
    for place in places:
        with Checker(checked_seconds(settings.seconds)) as checker:
            verdicts = [checker.check(exercise, place.path(exercise)) for exercise in place.known]
        done = sum(verdict.passed for verdict in verdicts)
        perfect = perfect and done == len(verdicts)
        print(json_text.dumps(record(place, verdicts)) if settings.json else table(place, verdicts), flush=True)
    return 0 if perfect else 1


def graded(folder: Path, fixed: tuple[Exercise, ...] | None) -> Workplace:
    """A learner's folder. Their record of what passed is not looked at, and with `fixed` not the course either."""
    if fixed is None:
        return workplace.found(folder)
    if not folder.is_dir() or not (folder / STATE).is_file():
        raise ValueError(f"{folder}: wanted a folder that `ladder start` made, got none; name one")
    return Workplace(folder, fixed)


def record(place: Workplace, verdicts: list[Verdict]) -> dict[str, Any]:
    """One folder, for a program."""
    done = [verdict.name for verdict in verdicts if verdict.passed]
    return {
        "folder": str(place.folder),
        "passed": len(done),
        "of": len(verdicts),
        "exercises": {verdict.name: {"state": verdict.state, "words": one_line(verdict)} for verdict in verdicts},
    }


def one_line(verdict: Verdict) -> str:
    """What was told, in a line."""
    return " / ".join(" ".join(line.split()) for lines in verdict.lines for line in lines.splitlines())


def table(place: Workplace, verdicts: list[Verdict]) -> str:
    """One folder, to read."""
    done = [verdict for verdict in verdicts if verdict.passed]
    lines = [f"{place.folder}: {len(done)} of {len(verdicts)} pass"]
    for verdict in verdicts:
        if verdict.state == "failed":
            lines.append(f"  {verdict.name}: {one_line(verdict)[:160]}")
    untouched = [verdict.name for verdict in verdicts if verdict.state == "open"]
    return "\n".join([*lines, *([fitted(f"  not written: {', '.join(untouched)}", 4)] if untouched else [])])
