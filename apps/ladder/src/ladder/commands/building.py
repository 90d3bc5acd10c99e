"""`ladder build`: the learner's pieces become a GPT-2."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench import PlainLines, claimed_folder, tell_next

from .. import workplace
from ..building.plan import build_job, needed, ours_job
from ..exercise import Exercise, fitted
from ..processes.runner import Checker
from ..workplace import Workplace
from .checking import shown
from .climbing import PACKAGE, named_dir
from .settings import Build


def build(settings: Build) -> int:
    """Check the pieces, train, compare. 1 where a piece does not pass, or fails on the way."""
    check(settings)
    place = workplace.found(settings.dir)
    if place.course is not None:
        raise ValueError(
            f"{place.folder}: wanted our exercises, got those of {place.course}; `ladder start` copies ours"
        )
    with Checker() as checker:
        mine = passing(place, checker)
        missing = [exercise.name for exercise in needed() if exercise.name not in mine]
        if missing and not settings.fill:
            print("\n" + fitted(f"{len(missing)} of {len(needed())} pieces are missing: {', '.join(missing)}"))
            tell_next(PACKAGE, f"ladder build --fill{named_dir(place)}", "write them, or take ours for these:")
            return 1
        out = folder_for(settings.out, place)
        ours_too = f", {len(missing)} ours: {', '.join(missing)}" if missing else ""
        print(fitted(f"Pieces     {len(mine)} yours{ours_too}", 11))
        asked = {
            "text": settings.text,
            "steps": settings.steps,
            "seed": settings.seed,
            "prompt": settings.prompt,
            "minutes": settings.minutes,
        }
        answer = watched_job(checker, build_job(mine, out, **asked), out, settings.minutes)
        if answer["state"] != "built":
            print("\n".join(["build: not yet", *(f"  {line}" for line in answer["lines"])]))
            with suppress(OSError):  # something is in it
                out.rmdir()
            return 1
        tell_built(answer, out)
    with Checker() as checker:
        sys.stderr.write("ladder: ours, by the same recipe, text and tokenizer, as `train` does it\n")
        ours = watched_job(checker, ours_job(out, settings.text, settings.seed), out, 60.0)
        compare(answer, ours)
    print("\n".join(["", *(f"  {sample!r}" for sample in answer["samples"])]))
    page = f"interpretability page {out / 'model'} --out {out / 'page.html'}"
    tell_next("interpretability", page, "look inside of it:")
    return 0


def check(settings: Build) -> None:
    """ValueError for numbers that mean nothing."""
    for name, value, least in (
        ("steps", settings.steps, 1),
        ("seed", settings.seed, 0),
        ("minutes", settings.minutes, 0),
    ):
        if value is not None and not least <= value < 2**53:
            raise ValueError(f"--{name}: wanted a number of at least {least}, got {value:g}; leave --{name} out")


def passing(place: Workplace, checker: Checker) -> dict[str, Path]:
    """The files of the pieces that pass, by the names of their exercises; says what does not hold of those begun."""
    found: dict[str, Path] = {}
    for exercise in needed():
        if passes(place, exercise, checker):
            found[exercise.name] = place.path(exercise).absolute()
    return found


def passes(place: Workplace, exercise: Exercise, checker: Checker) -> bool:
    """Check one piece, and write down what came out."""
    verdict = checker.check(exercise, place.path(exercise))
    place.note(exercise, verdict.passed)
    if verdict.state == "failed":
        print(shown(verdict))
    return verdict.passed


def folder_for(out: Path | None, place: Workplace) -> Path:
    """A new folder."""
    if out is None:
        return claimed_folder(place.folder, "build-").absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"--out: wanted a folder that is new or empty, got {out}; name another")
    out.mkdir(parents=True, exist_ok=True)
    return out.absolute()


def watched_job(checker: Checker, job: dict[str, Any], out: Path, minutes: float) -> dict[str, Any]:
    """The answer, with how far it is on standard error meanwhile."""
    lines: list[PlainLines] = []

    def heard(said: dict[str, Any]) -> None:
        if "words" in said:
            sys.stderr.write(f"ladder: {said['words']}\n")
        elif "step" in said:
            if not lines:
                lines.append(PlainLines(said["of"], at_ends=True))
            number, loss = said["step"], said["loss"]
            lines[0].tell(
                number, lambda left: f"ladder: step {number}/{said['of']}  loss {loss:.4f}  {left:.0f} s left"
            )
        sys.stderr.flush()

    return checker.ask(job, out, minutes * 60, heard)


def tell_built(answer: dict[str, Any], out: Path) -> None:
    """What came out."""
    title, megabytes, tokens = answer["title"], answer["bytes"] / 1e6, answer["tokens"]
    print(f"Text       {title}: {megabytes:.2f} MB to learn from, {tokens:,} tokens by yours")
    millions = answer["n_parameters"] / 1e6
    print(f"Model      {millions:.2f} million parameters; {answer['claims']} claims about a GPT-2 hold")
    print(f"Folder     {out}")
    print(f"Yours      {told(answer)}")


def told(answer: dict[str, Any]) -> str:
    """Numbers of one training, in a line."""
    losses, bits = answer["losses"], answer["bits_per_byte"]
    return f"{len(losses)} steps, loss {losses[0]:.4f} to {losses[-1]:.4f}; held-out text {bits:.4f} bits per byte"


def compare(mine: dict[str, Any], ours: dict[str, Any]) -> None:
    """Ours, and how far they are apart."""
    if ours["state"] != "built":
        raise ValueError(f"wanted ours beside it, got: {' '.join(ours['lines'])}; yours is in its folder all the same")
    print(f"Ours       {told(ours)}")
    apart = max(abs(a - b) for a, b in zip(mine["losses"], ours["losses"], strict=True))
    print(f"Apart      {apart:.1g} nats at most, step by step")
