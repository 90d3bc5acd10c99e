"""The job of a worker that checks one file."""

from pathlib import Path
from typing import Any

from ..exercise import Exercise
from .attempts import attempt
from .worker import Tell


def answer(job: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """As it is answered."""
    told = job["exercise"]
    check = told["check"]
    exercise = Exercise(
        told["name"], told["sprint"], Path(told["path"]), check.get("module") or Path(check.get("file", ""))
    )
    return attempt(exercise, Path(job["path"]), job["measured"])
