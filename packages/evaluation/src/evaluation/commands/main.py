"""The command `evaluation`. torch is imported only once the arguments are known to make sense."""

from collections.abc import Callable, Sequence
from typing import Any

from workbench import answered, lines_left, parsed

from .compare import compare
from .score import score
from .settings import Compare, Score, Tasks
from .tasks import run_task

COMMANDS: dict[str, Any] = {"score": Score, "tasks": Tasks, "compare": Compare}
WORK: dict[type, Callable[[Any], None]] = {Score: score, Tasks: run_task, Compare: compare}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, as `workbench.answered` gives it."""
    command: Score | Tasks | Compare | None = None

    def work() -> None:
        nonlocal command
        command = parsed("evaluation", "From text to scores, with intervals.", COMMANDS, arguments)
        WORK[type(command)](command)

    return answered("evaluation", work, left_behind=lambda: lines_left(command.out if command else None))
