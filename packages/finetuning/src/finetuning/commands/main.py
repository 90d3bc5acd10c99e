"""The command `finetuning`. torch is imported only once the arguments are known to make sense."""

from collections.abc import Callable, Sequence
from typing import Any

from workbench import answered, parsed

from ..classifying.settings import ClassifySettings
from ..distilling.settings import DistillSettings
from ..preferring.settings import PreferSettings
from ..reinforcing.settings import ReinforceSettings
from ..running.settings import TuneSettings
from .classify import classify_command, label_command
from .compare import compare
from .distill import distill_command
from .merge import merge
from .prefer import prefer_command
from .reinforce import reinforce_command
from .settings import Compare, Label, Merge
from .tune import tune_command

COMMANDS: dict[str, Any] = {
    "tune": TuneSettings,
    "classify": ClassifySettings,
    "label": Label,
    "prefer": PreferSettings,
    "reinforce": ReinforceSettings,
    "distill": DistillSettings,
    "merge": Merge,
    "compare": Compare,
}
WORK: dict[type, Callable[[Any], int]] = {
    TuneSettings: tune_command,
    ClassifySettings: classify_command,
    Label: label_command,
    PreferSettings: prefer_command,
    ReinforceSettings: reinforce_command,
    DistillSettings: distill_command,
    Merge: merge,
    Compare: compare,
}
BARE = dict.fromkeys(("tune", "classify", "prefer"), "to learn from a file of examples: --data {word}")
BARE |= {"reinforce": "to learn from tasks: --task {word}"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, as `workbench.answered` gives it."""

    def work() -> int:
        command = parsed("finetuning", "Any GPT-2 learns a task.", COMMANDS, arguments, bare=BARE)
        return WORK[type(command)](command)

    return answered("finetuning", work)
