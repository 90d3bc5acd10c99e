"""What a person may say to `finetuning classify`: read before torch is imported, so that `--help` answers at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import FlagCreatePairsOff, arg

from ..running.settings import RunSettings, usually


@dataclass(frozen=True)
class ClassifySettings(RunSettings):
    """Teach a model to label texts: a head of one row a label reads the state of each text's last token.

    Everything lands in one run folder: run.json, metrics.jsonl with TensorBoard curves, checkpoints/, and the finished
    model/, which transformers opens as GPT2ForSequenceClassification; of an adapter, which model/ has merged, also
    adapter/, which peft opens. Ctrl-C finishes the step, saves, and says how to resume.
    """

    command: ClassVar[str] = "classify"
    rates: ClassVar[dict[str, float]] = {"lora": 2e-3, "dora": 2e-3, "full": 5e-4, "last": 1e-3}

    data: Annotated[Path | None, usually("FILE", "with --resume the run's")] = None
    """Texts: .jsonl, .csv, .tsv or .parquet with text and label: a name, or {name: share, ...} where raters differ."""
    held_out: Annotated[Path | None, usually("FILE", "a tenth of --data, by content")] = None
    """Texts to judge by, with labels that are also in --data."""
    epochs: Annotated[float | None, usually("X", "3; none with --label-start")] = None
    """How often each text is seen."""
    batch_size: Annotated[int, arg(metavar="N")] = 16
    """Texts a step."""
    micro_batch_size: Annotated[int | None, usually("N", "the whole batch")] = None
    """Texts at a time: what fits in memory; changes nothing but rounding."""
    learning_rate: Annotated[float | None, usually("RATE", "2e-3 for adapters, 5e-4 for full, 1e-3 for last:N")] = None
    """Highest learning rate."""
    label_start: FlagCreatePairsOff[bool] = False
    """Begin as a linear fit of tokens, pairs and spelling: MODEL gives its shape and tokenizer, not what it knows. The
    fit is the result, unless --steps or --epochs ask for steps after it."""

    @property
    def start_is_computed(self) -> bool:
        return self.label_start

    def check_own(self) -> None:
        if self.label_start and self.kind != "full":
            raise ValueError(
                f"--label-start: wanted --method full beside it, since it sets all weights, got {self.method}; add it"
            )
        if self.learning_rate is not None and self.steps_of(1) == 0:
            raise ValueError(
                f"--learning-rate: wanted --steps or --epochs beside it, since --label-start takes no step by itself, "
                f"got {self.learning_rate}; add one, or leave --learning-rate out"
            )
