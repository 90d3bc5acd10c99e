"""The command `finetuning`. torch is imported only once the arguments are known to make sense."""

from collections.abc import Callable, Sequence
from typing import Any

from workbench import answered, parsed

from ..reinforcing.settings import ReinforceSettings
from ..running.settings import TuneSettings
from .merge import merge
from .reinforce import reinforce_command
from .settings import Merge
from .tune import tune_command

COMMANDS: dict[str, Any] = {"tune": TuneSettings, "reinforce": ReinforceSettings, "merge": Merge}
WORK: dict[type, Callable[[Any], int]] = {
    TuneSettings: tune_command,
    ReinforceSettings: reinforce_command,
    Merge: merge,
}
BARE = {
    "tune": "to learn from a file of examples: --data {word}",
    "reinforce": "to learn from tasks: --task {word}",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, as `workbench.answered` gives it."""

    def work() -> int:
        command = parsed("finetuning", "Any GPT-2 learns a task.", COMMANDS, arguments, bare=BARE)
        return WORK[type(command)](command)

    return answered("finetuning", work)
