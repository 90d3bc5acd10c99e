"""What a person may say to `finetuning prefer`: read before torch is imported, so that `--help` answers at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import arg

from ..running.settings import RunSettings, check_above_zero, usually

BETAS = {"dpo": 0.1, "ipo": 0.1, "simpo": 2.0}
MARGIN = 1.0


@dataclass(frozen=True)
class PreferSettings(RunSettings):
    """Teach a model which of two answers is preferred, from pairs of them, without a second model in memory.

    Everything lands in one run folder: run.json, reference.json (what the model thought of the answers before),
    metrics.jsonl with TensorBoard curves, checkpoints/, and the finished adapter/ (which `peft` opens) or model/.
    Ctrl-C finishes the step, saves, and says how to resume.
    """

    command: ClassVar[str] = "prefer"
    rates: ClassVar[dict[str, float]] = {"lora": 5e-4, "dora": 5e-4, "full": 5e-5, "last": 1e-4}

    data: Annotated[Path | None, usually("FILE", "with --resume the run's")] = None
    """Pairs: .jsonl, .csv, .tsv or .parquet with prompt, chosen and rejected."""
    held_out: Annotated[Path | None, usually("FILE", "a tenth of --data, by prompt")] = None
    """Pairs to judge by."""
    loss: Annotated[Literal["dpo", "ipo", "simpo"], arg(metavar="NAME")] = "dpo"
    """dpo (choose the preferred one), ipo (choose it by so much and no more), or simpo (by nats a token, and without
    regard to what the model thought before)."""
    beta: Annotated[float | None, usually("X", "0.1; simpo: 2")] = None
    """How dear it is to move away from the model as it was; of simpo how steep its loss is."""
    margin: Annotated[float | None, usually("X", "1")] = None
    """Of simpo: by how much the preferred answer shall lead, after beta."""
    epochs: Annotated[float, arg(metavar="X")] = 1.0
    """How often each pair is seen."""
    batch_size: Annotated[int, arg(metavar="N")] = 8
    """Pairs a step."""
    micro_batch_size: Annotated[int | None, usually("N", "the whole batch")] = None
    """Pairs at a time: what fits in memory; changes nothing but rounding."""
    learning_rate: Annotated[float | None, usually("RATE", "5e-4 for adapters, 5e-5 for full, 1e-4 for last:N")] = None
    """Highest learning rate."""

    @property
    def steepness(self) -> float:
        return BETAS[self.loss] if self.beta is None else self.beta

    @property
    def lead(self) -> float:
        return MARGIN if self.margin is None else self.margin

    def check_own(self) -> None:
        """ValueError for a beta or margin that cannot be, and for a margin where none counts."""
        check_above_zero(self, "beta")
        if self.margin is not None and self.loss != "simpo":
            raise ValueError(f"--margin: wanted --loss simpo beside it, got {self.loss}; leave --margin out")
        if self.margin is not None and not 0 <= self.margin < float("inf"):
            raise ValueError(f"--margin: wanted a number from 0 on, got {self.margin}; leave --margin out")
