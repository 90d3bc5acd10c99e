"""What a person may say to `train`: read before torch is imported, so that `--help` answers at once."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrainSettings:
    """Train a GPT-2. Without arguments: a small one, on text that comes with Python, in under three minutes.

    Everything lands in one run folder: run.json, metrics.jsonl with TensorBoard curves, checkpoints/, and the finished
    model/ in the Hugging Face layout. Ctrl-C finishes the step, saves, and says how to go on.
    """

    text: str | None = None
    """Text to learn from: a UTF-8 file, a folder, or a quoted glob. None: Python's own documentation and sources."""
    out: Path | None = None
    """Run folder to make; must not hold a run yet. None: the next free runs/001, runs/002, ..."""
    recipe: str | None = None
    """None: quick (minutes on two cores); or tiny (seconds, to try things), gpt2, gpt2-medium, gpt2-large, gpt2-xl."""
    resume: Path | None = None
    """Run folder to go on with, to the same bits as if it had never stopped. Its own settings count: give no others."""
    seed: int | None = None
    """Picks initial weights and the order of the data. None: 0."""
    device: str = "auto"
    """cpu, cuda, cuda:N or mps; auto takes the fastest there is."""
    steps: int | None = None
    """Optimizer steps. None: the recipe's."""
    batch_size: int | None = None
    """Windows a step: what is learned from. None: the recipe's."""
    micro_batch_size: int | None = None
    """Windows at a time: what fits in memory; changes nothing but rounding. None: the whole batch."""
    learning_rate: float | None = None
    """Highest learning rate. None: the recipe's."""
    warmup: int | None = None
    """Steps of linear warm-up of the learning rate. None: the recipe's."""
    tokenizer: str | None = None
    """own (trained on the text), published (OpenAI's), or a folder with vocab.json and merges.txt. None: recipe's."""
    evaluate_every: int | None = None
    """Steps between evaluations on the held-out text. None: a fraction of the run."""
    save_every: int | None = None
    """Steps between checkpoints. None: as often as it is evaluated."""
    log_every: int | None = None
    """Steps between lines of metrics.jsonl. None: 10."""


def check(settings: TrainSettings) -> None:
    """ValueError for what is wrong in itself, whatever the text and the machine."""
    for name in ("steps", "batch_size", "micro_batch_size", "evaluate_every", "save_every", "log_every"):
        value = getattr(settings, name)
        if value is not None and value < 1:
            raise ValueError(f"--{name.replace('_', '-')}: wanted a whole number of at least 1, got {value}")
    if settings.learning_rate is not None and not 0 < settings.learning_rate < float("inf"):
        raise ValueError(f"--learning-rate: wanted a number above 0, got {settings.learning_rate}; try 1e-3")
    if settings.warmup is not None and settings.warmup < 0:
        raise ValueError(f"--warmup: wanted 0 steps or more, got {settings.warmup}")
    if settings.seed is not None and not 0 <= settings.seed < 2**63:
        raise ValueError(f"--seed: wanted a whole number from 0 to 2**63 - 1, got {settings.seed}")
