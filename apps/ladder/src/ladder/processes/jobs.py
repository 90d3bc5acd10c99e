"""What a worker is asked, as JSON can hold it; the module that a job names does the work. No torch here."""

from pathlib import Path
from typing import Any

from ..exercise import Exercise


def check_job(exercise: Exercise, path: Path, measured: bool = False) -> dict[str, Any]:
    """Check one file; measured: and say how long its calls take."""
    check = {"module": exercise.check} if isinstance(exercise.check, str) else {"file": str(exercise.check)}
    told = {"name": exercise.name, "sprint": exercise.sprint, "path": str(exercise.path), "check": check}
    return {
        "module": f"{__package__}.attempts",
        "path": str(path),
        "exercise": told,
        "measured": measured,
        "small": True,
    }


def exercise_of(job: dict[str, Any]) -> Exercise:
    """The exercise that a job is about."""
    told = job["exercise"]
    check = told["check"].get("module") or Path(told["check"]["file"])
    return Exercise(told["name"], told["sprint"], Path(told["path"]), check)
