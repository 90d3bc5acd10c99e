"""`ladder check` and `ladder watch`."""

import time
from collections.abc import Callable
from pathlib import Path

from workbench import tell_next

from .. import workplace
from ..exercise import Exercise, fitted
from ..processes.runner import Checker, Verdict
from ..workplace import Workplace, changed
from .climbing import PACKAGE, chosen, introduce, named_dir
from .settings import Check, Watch

EVERY = 0.3
"""Seconds between two looks at the files."""


def check(settings: Check) -> int:
    """One exercise, or all that were begun. 1 where something does not hold."""
    place = workplace.found(settings.dir)
    picked = [chosen(place, settings.name)] if settings.name else [one for one in place.known if place.has_begun(one)]
    if not picked:
        print("Nothing is begun yet.")
        introduce(place, place.known[0])
        return 1
    with Checker(checked_seconds(settings.seconds)) as checker:
        verdicts = [tried(place, exercise, checker) for exercise in picked]
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if len(picked) > 1:
        print(f"\n{len(verdicts) - len(failed)} of {len(verdicts)} pass")
    if failed:
        tell_next(PACKAGE, f"ladder hint {failed[0].name}{named_dir(place)}", "if you are stuck:")
    else:
        go_on(place, picked[-1])
    return 1 if failed else 0


def checked_seconds(seconds: float) -> float:
    """ValueError for what is no time."""
    if not 0 < seconds <= 3600:
        raise ValueError(f"--seconds: wanted a number above 0, at most 3600, got {seconds:g}; leave it out for 10")
    return seconds


def go_on(place: Workplace, exercise: Exercise) -> None:
    """What comes after an exercise that passes."""
    following = place.next()
    if following is None:
        print("All of them pass.")
        tell_next(PACKAGE, f"ladder build{named_dir(place)}" if place.course is None else "ladder")
        return
    tell_next(PACKAGE, f"ladder{named_dir(place) and f' status{named_dir(place)}'}", f"{following.name}:")


def tried(place: Workplace, exercise: Exercise, checker: Checker) -> Verdict:
    """Check, say it, and write it down."""
    verdict = checker.check(exercise, place.path(exercise))
    place.note(exercise, verdict.passed)
    print(shown(verdict), flush=True)
    return verdict


def shown(verdict: Verdict) -> str:
    """A verdict as one reads it."""
    if verdict.passed:
        words = [f"{verdict.name}: passes"]
    elif verdict.state == "open":
        words = [f"{verdict.name}: {verdict.lines[0]}"]
    else:
        lines = [line for lines in verdict.lines for line in lines.splitlines()]
        words = [f"{verdict.name}: not yet", *(sentence(line) for line in lines)]
    if verdict.printed.strip():
        words += ["  it printed:", *(f"  | {line}" for line in verdict.printed.rstrip().splitlines())]
    return "\n".join(words)


def sentence(line: str) -> str:
    """A line of a verdict, fitted to a terminal: what was given and came out goes on below where it begins."""
    return fitted(f"  {line}", 13 if line.startswith(("for  ", "wanted  ", "got  ")) else 4)


def watch(settings: Watch) -> int:
    """Check what is saved, until Ctrl-C."""
    place = workplace.found(settings.dir)
    print(f"Watching {place.folder}; Ctrl-C ends it.")
    following = place.next()
    if following is not None:
        introduce(place, following)
    with Checker(checked_seconds(settings.seconds)) as checker:
        watched_folder(place, checker, time.sleep)
    return 0


def watched_folder(place: Workplace, checker: Checker, sleep: Callable[[float], None]) -> None:
    """Look, check what changed, sleep; ends when `sleep` raises StopIteration."""
    seen: dict[Path, tuple[int, int]] = {}
    changed(place, seen)
    while True:
        try:
            sleep(EVERY)
        except StopIteration:
            return
        for exercise in changed(place, seen):
            print()
            if tried(place, exercise, checker).passed and (following := place.next()) is not None:
                introduce(place, following)
