"""What a person may say to `finetuning distill`. Needs no torch, so that `--help` answers at once."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from tyro.conf import arg

from ..running.settings import TuneSettings, check_above_zero, usually


@dataclass(frozen=True)
class DistillSettings(TuneSettings):
    """Distill a teacher: a model learns what the teacher says of every next token of the answers.

    Everything lands in one run folder: run.json, metrics.jsonl with TensorBoard curves, checkpoints/, and the finished
    model/ or adapter/. Ctrl-C finishes the step, saves, and says how to resume.
    """

    command: ClassVar[str] = "distill"

    teacher: Annotated[str | None, usually("MODEL", "with --resume the run's")] = None
    """Model to learn from, with the same tokenizer: as MODEL, or a quantized folder."""
    share: Annotated[float, arg(metavar="X")] = 0.5
    """How much of the loss is the teacher's; the rest is that of the answers themselves."""
    temperature: Annotated[float, arg(metavar="X")] = 2.0
    """Divides the logits of both: above 1, what is unlikely counts more."""
    method: Annotated[str, arg(metavar="NAME")] = "full"
    """full (all weights), last:N (the last N blocks), or lora or dora (a small adapter beside the frozen model)."""

    def check_own(self) -> None:
        if self.teacher is None:
            raise ValueError("--teacher: wanted a model to learn from, got none; name one, such as RUN/model")
        if not 0 < self.share <= 1:
            raise ValueError(f"--share: wanted above 0 to 1, got {self.share}; `tune` learns from the answers alone")
        check_above_zero(self, "temperature")
