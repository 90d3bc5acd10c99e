"""What a person may say to `finetuning reinforce`. Needs no torch, so that `--help` answers at once."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import arg

from ..running.settings import Precision, RunSettings, check_above_zero, check_at_least, usually
from ..tasks.records import PREFIX, read_names


@dataclass(frozen=True)
class ReinforceSettings(RunSettings):
    """Let a model try, and teach it what was rewarded (GRPO): several answers to each prompt, each judged by a
    function.

    Everything lands in one run folder: run.json, metrics.jsonl with TensorBoard curves, every answer in samples.jsonl,
    checkpoints/, and the finished adapter/ or model/. Ctrl-C finishes the step, saves, and says how to resume.
    """

    command: ClassVar[str] = "reinforce"
    rates: ClassVar[dict[str, float]] = {"lora": 1e-3, "dora": 1e-3, "full": 1e-4, "last": 5e-4}

    task: Annotated[str | None, usually("KIND,KIND", "the prompts of --data")] = None
    """Tasks made by rule, whose answers are checked: copy, reverse, sort, count, spell, convert, compare."""
    data: Annotated[Path | None, usually("FILE", "the prompts of --task")] = None
    """Prompts: .jsonl, .csv, .tsv or .parquet with prompt, or .jsonl with messages; tasks:reverse,sort:5000 for so many
    tasks."""
    reward: Annotated[str | None, usually("FILE.py:FUNCTION", "1 for the right answer to a task")] = None
    """function(prompt, answer) of two texts: a number, the larger the better. The file is run."""
    template: Annotated[Path | None, usually("FILE", '"User: ...", "Assistant: ..."')] = None
    """How messages become a text: JSON with system, user and assistant."""
    group: Annotated[int, arg(metavar="N")] = 8
    """Answers to each prompt, which are compared with one another."""
    batch_size: Annotated[int, arg(metavar="N")] = 64
    """Prompts a step."""
    micro_batch_size: Annotated[int | None, usually("N", "all of a step")] = None
    """Answers at a time: what fits in memory."""
    epochs: Annotated[float, arg(metavar="X")] = 1.0
    """How often each prompt is answered."""
    updates: Annotated[int, arg(metavar="N")] = 1
    """Steps that learn from the same answers."""
    max_new_tokens: Annotated[int | None, usually("N", "half the model's context, at most 64")] = None
    """Longest answer, in tokens."""
    temperature: Annotated[float, arg(metavar="X")] = 1.0
    """At which answers are drawn."""
    precision: Annotated[Precision, arg(metavar="NAME")] = "float32"
    """As for tune. float32 is usual: the model that draws and the one that learns then compute the same."""
    clip: Annotated[float, arg(metavar="X")] = 0.2
    """How far a token's probability may go from that at which it was drawn, as a share."""
    kl: Annotated[float, arg(metavar="X")] = 0.0
    """Weight of the distance to the model that the run began with, in nats a token."""
    learning_rate: Annotated[float | None, usually("RATE", "1e-3 for adapters, 1e-4 for full, 5e-4 for last:N")] = None
    """Highest learning rate."""

    def __post_init__(self) -> None:
        if self.task is not None and self.data is None:
            object.__setattr__(self, "data", Path(f"{PREFIX}{self.task}"))

    @property
    def has_tasks(self) -> bool:
        """Whether the prompts are tasks, whose answers are known."""
        return self.data is not None and str(self.data).startswith(PREFIX)

    def check_own(self) -> None:
        if self.task is not None and self.data != Path(f"{PREFIX}{self.task}"):
            raise ValueError(f"--task {self.task}: wanted one of --task and --data, got both; leave one out")
        if self.has_tasks:
            read_names(str(self.data))
        if self.reward is None and not self.has_tasks:
            raise ValueError(
                f"--reward: wanted FILE.py:FUNCTION to judge answers to {self.data}, got none; name one, or take --task"
            )
        check_at_least(1, self, "updates", "max_new_tokens")
        check_above_zero(self, "temperature")
        if self.group < 2:
            raise ValueError(f"--group: wanted at least 2 answers to compare, got {self.group}; 8 is usual")
        if not 0 < self.clip < 1:
            raise ValueError(f"--clip: wanted a share between 0 and 1, got {self.clip}; 0.2 is usual")
        if not 0 <= self.kl < math.inf:
            raise ValueError(f"--kl: wanted 0 or more, got {self.kl}; 0 leaves it out")
