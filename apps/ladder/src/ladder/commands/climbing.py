"""`ladder status`, `start`, `hint` and `reset`: what needs no check."""

from pathlib import Path

from workbench import tell_next

from .. import workplace
from ..catalog import named
from ..exercise import Exercise, fitted, told
from ..workplace import Workplace
from .settings import Hint, Reset, Start, Status

PACKAGE = "ladder"
BLANK = "\0"
"""Stands for a mark that is blank while lines are wrapped."""


def status(settings: Status) -> int:
    """Where one is, part by part, and the text of the next exercise."""
    place = workplace.found(settings.dir)
    done = [exercise for exercise in place.known if place.has_passed(exercise)]
    print(f"{place.folder}: {len(done)} of {len(place.known)} exercises pass")
    for sprint in dict.fromkeys(exercise.sprint for exercise in place.known):
        rungs = [exercise for exercise in place.known if exercise.sprint == sprint]
        names = " ".join(f"{marked(place, rung)}{rung.name}".replace(" ", BLANK) for rung in rungs)
        print(fitted(f"  {sprint:<12} {names}", 15).replace(BLANK, " "))
    following = place.next()
    if following is None:
        print("\nAll of them pass.")
        tell_next(PACKAGE, "ladder build" if place.course is None else "ladder check")
        return 0
    print("  (+ passes, ~ begun)")
    introduce(place, following)
    return 0


def marked(place: Workplace, exercise: Exercise) -> str:
    """A sign before a name: passes, begun, or neither."""
    return "+" if place.has_passed(exercise) else "~" if place.has_begun(exercise) else " "


def introduce(place: Workplace, exercise: Exercise) -> None:
    """The text of an exercise, and what to type."""
    print(f"\nNext: {exercise.number}. {exercise.name}, in {place.path(exercise)}\n")
    print("\n".join(f"  {line}".rstrip() for line in told(exercise).splitlines()))
    tell_next(PACKAGE, f"ladder check {exercise.name}{named_dir(place)}", "write it, and")


def named_dir(place: Workplace) -> str:
    """The option that names the folder, where it would not be found without."""
    try:
        same = workplace.found(None).folder.resolve() == place.folder.resolve()
    except ValueError:
        same = False
    return "" if same else f" --dir {place.folder}"


def start(settings: Start) -> int:
    """Copy the exercises."""
    place, new = workplace.start(settings.folder, settings.course)
    kept = len(place.known) - new
    print(
        f"{place.folder}: {new} exercise{'s' * (new != 1)} copied"
        + (f", {kept} were there and stay as they are" if kept else "")
    )
    following = place.next()
    if following is not None:
        introduce(place, following)
    return 0


def hint(settings: Hint) -> int:
    """One hint more than the last time."""
    place = workplace.found(settings.dir)
    exercise = chosen(place, settings.name)
    given = min(place.hints.get(exercise.name, 0) + 1, len(exercise.hints))
    if not exercise.hints:
        print(f"{exercise.name} has no hints.")
        return 0
    for number, line in enumerate(exercise.hints[:given], start=1):
        print(fitted(f"{exercise.name}, hint {number} of {len(exercise.hints)}: {line}"))
    place.hints[exercise.name] = given
    place.save()
    if given < len(exercise.hints):
        tell_next(PACKAGE, f"ladder hint {exercise.name}{named_dir(place)}", "for one more:")
    return 0


def chosen(place: Workplace, name: str | None) -> Exercise:
    """The exercise of that name, or the next. ValueError where all pass and none is named."""
    if name is not None:
        return named(name, place.known)
    following = place.next()
    if following is None:
        raise ValueError(f"wanted the name of an exercise, since all of {place.folder} pass, got none; name one")
    return following


def reset(settings: Reset) -> int:
    """The exercise as it came."""
    place = workplace.found(settings.dir)
    exercise = named(settings.name, place.known)
    kept: Path | None = workplace.reset(place, exercise)
    print(fitted(f"{place.path(exercise)} is as it came" + (f"; yours is kept in {kept.name}" if kept else "")))
    return 0
