"""`ladder show`: ours beside the learner's."""

import difflib

from .. import workplace
from ..catalog import named
from ..processes.runner import Checker
from ..workplace import plain_text, written_lines
from .checking import shown
from .settings import Show


def show(settings: Show) -> int:
    """Lines, speed and what differs. 1 where it does not pass yet."""
    place = workplace.found(settings.dir)
    exercise = named(settings.name, place.known)
    path = place.path(exercise)
    with Checker() as checker:
        mine = checker.check(exercise, path, measured=True)
        place.note(exercise, mine.passed)
        if not mine.passed:
            print(shown(mine))
            print("\nOurs is shown once yours passes; `ladder hint` says more until then.")
            return 1
        solution = path.with_name(f".{exercise.name}.ours.py")
        solution.write_text(exercise.solution, encoding="utf-8")
        try:
            ours = checker.check(exercise, solution, measured=True)
        finally:
            solution.unlink()
    lines = [line for body in exercise.bodies() for line in body.splitlines() if line.strip()]
    print(f"{exercise.name}: yours {len(written_lines(exercise, plain_text(path)))} lines, ours {len(lines)}")
    if ours.passed and ours.seconds > 0:
        ratio = mine.seconds / ours.seconds
        words = f"{ratio:.1f} times as long as ours" if ratio >= 1 else f"{1 / ratio:.1f} times as fast as ours"
        print(f"speed: yours takes {words} on the small inputs of the check")
    differences = difflib.unified_diff(
        plain_text(path).splitlines(), exercise.solution.splitlines(), "yours", "ours", lineterm="", n=1
    )
    said = list(differences)
    print("\n".join(["", *said]) if said else "They are the same, letter by letter.")
    return 0
