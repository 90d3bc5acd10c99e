"""The job of a worker that checks one file."""

from pathlib import Path
from typing import Any

from ..exercise import Exercise
from .attempts import attempt
from .worker import Tell


def job_of(exercise: Exercise, path: Path, measured: bool = False) -> dict[str, Any]:
    """As it is sent."""
    check = {"module": exercise.check} if isinstance(exercise.check, str) else {"file": str(exercise.check)}
    told = {"name": exercise.name, "sprint": exercise.sprint, "path": str(exercise.path), "check": check}
    return {"module": __name__, "path": str(path), "exercise": told, "measured": measured}


def answer(job: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """As it is answered."""
    told = job["exercise"]
    check = told["check"]
    exercise = Exercise(
        told["name"], told["sprint"], Path(told["path"]), check.get("module") or Path(check.get("file", ""))
    )
    return attempt(exercise, Path(job["path"]), job["measured"])
