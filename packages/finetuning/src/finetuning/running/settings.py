"""What a person may say to a command that trains: read before torch is imported, so that `--help` answers at once."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from tyro.conf import FlagCreatePairsOff, Positional, arg

Target = Literal["attention.qkv", "attention.out", "feed_forward.up", "feed_forward.down"]
TARGETS: tuple[Target, ...] = ("attention.qkv", "attention.out", "feed_forward.up", "feed_forward.down")
ADAPTERS = ("lora", "dora")
Precision = Literal["auto", "float32", "medium", "bfloat16"]
EPOCHS = 3


def usually(metavar: str, default: str) -> Any:
    """How `--help` names a value, and what it says of the default behind None."""
    return arg(metavar=metavar, help_behavior_hint=f"(default: {default})")


@dataclass(frozen=True)
class RunSettings:
    """What all commands that train have in common; each has a class of its own below."""

    command: ClassVar[str]
    rates: ClassVar[dict[str, float]]
    """The highest learning rates that were found to learn well, by method."""

    source: Positional[Annotated[str | None, usually("MODEL", "with --resume the run's")]] = None
    """Model to start from: a model or run folder, ckpt.pt, llm.c's .bin, or a name on the hub."""
    data: Annotated[Path | None, usually("FILE", "with --resume the run's")] = None
    """Examples: .jsonl, .csv, .tsv or .parquet."""
    held_out: Annotated[Path | None, usually("FILE", "a tenth of --data, by content")] = None
    """Examples to judge by."""
    method: Annotated[str, arg(metavar="NAME")] = "lora"
    """lora or dora (a small adapter beside the frozen model), full (all weights), or last:N (the last N blocks)."""
    rank: Annotated[int, arg(metavar="N")] = 8
    """Directions of an adapter's corrections."""
    alpha: Annotated[float | None, usually("X", "twice the rank")] = None
    """Corrections are multiplied by alpha / rank."""
    root: FlagCreatePairsOff[bool] = False
    """By alpha / sqrt(rank) instead, for large ranks (rsLoRA)."""
    targets: tuple[Target, ...] = TARGETS
    """Layers that get an adapter."""
    dropout: Annotated[float, arg(metavar="X")] = 0.0
    """Share of an adapted layer's input that its correction does not see while training."""
    up_rate: Annotated[float, arg(metavar="X")] = 1.0
    """Learning rate of an adapter's second matrix, as a multiple of the first one's (LoRA+ takes 16)."""
    out: Annotated[Path | None, usually("DIR", "the next free of runs/001, runs/002, ...")] = None
    """Run folder to make; must not hold a run yet."""
    epochs: Annotated[float | None, usually("X", "3")] = None
    """How often each example is seen."""
    steps: Annotated[int | None, usually("N", "as --epochs asks")] = None
    """Optimizer steps."""
    batch_size: Annotated[int, arg(metavar="N")] = 8
    """Rows a step; several short examples share a row."""
    micro_batch_size: Annotated[int | None, usually("N", "the whole batch")] = None
    """Rows at a time: what fits in memory; changes nothing but rounding."""
    learning_rate: Annotated[float | None, usually("RATE", "by --method")] = None
    """Highest learning rate."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Picks an adapter's first weights and the order of the examples."""
    device: Annotated[str, arg(metavar="NAME")] = "auto"
    """cpu, cuda, cuda:N or mps; auto takes the fastest there is."""
    precision: Annotated[Precision, arg(metavar="NAME")] = "auto"
    """float32; medium (products of float32 numbers rounded to 16 bits); bfloat16 (activations too, by autocast); auto:
    bfloat16 where the device has units for it and the model is at least 128 wide, else float32. What learns, its
    optimizer and sums stay float32."""
    evaluate_every: Annotated[int | None, usually("N", "a fifth of the run")] = None
    """Steps between evaluations on the held-out examples."""
    save_every: Annotated[int | None, usually("N", "as often as it is evaluated")] = None
    """Steps between checkpoints."""
    log_every: Annotated[int, arg(metavar="N")] = 10
    """Steps between lines of metrics.jsonl."""
    resume: Annotated[Path | None, usually("RUN", "a new run")] = None
    """Run folder to resume, with the settings that it began with: give no others."""

    @property
    def kind(self) -> str:
        """lora, dora, full or last."""
        return self.method.partition(":")[0]

    @property
    def blocks(self) -> int:
        """N of last:N."""
        return int(self.method.partition(":")[2])

    @property
    def rate(self) -> float:
        return self.rates[self.kind] if self.learning_rate is None else self.learning_rate

    @property
    def start_is_computed(self) -> bool:
        """Whether the model begins as something that is worth having before any step."""
        return False

    def steps_of(self, an_epoch: int) -> int:
        """How many steps are asked for, where each example is seen once in `an_epoch`."""
        if self.steps is not None:
            return self.steps
        if self.epochs is None and self.start_is_computed:
            return 0
        return max(1, round((EPOCHS if self.epochs is None else self.epochs) * an_epoch))

    def check_own(self) -> None:
        """ValueError for what is wrong in those settings that only this command has."""


@dataclass(frozen=True)
class TuneSettings(RunSettings):
    """Tune a model on examples of a task: it learns the answers, not the prompts.

    Everything lands in one run folder: run.json, metrics.jsonl with TensorBoard curves, checkpoints/, and the finished
    adapter/ (which `peft` opens) or model/. Ctrl-C finishes the step, saves, and says how to resume.
    """

    command: ClassVar[str] = "tune"
    rates: ClassVar[dict[str, float]] = {"lora": 2e-3, "dora": 2e-3, "full": 2e-4, "last": 5e-4}

    data: Annotated[Path | None, usually("FILE", "with --resume the run's")] = None
    """Examples: .jsonl, .csv, .tsv or .parquet with prompt and completion, or .jsonl with messages; docstrings: some
    thousand functions of Python's library, each with what it does; tasks:reverse,sort: tasks that are made by rule."""
    learning_rate: Annotated[float | None, usually("RATE", "2e-3 for adapters, 2e-4 for full, 5e-4 for last:N")] = None
    """Highest learning rate."""
    template: Annotated[Path | None, usually("FILE", '"User: ...", "Assistant: ..."')] = None
    """How messages become a text: JSON with system, user and assistant."""


NOT_OF_THE_RUN = frozenset({"out", "resume", "device", "log_every"})
"""Settings that say where and how a run goes, and are not written down with it."""


def of_the_run(settings: RunSettings) -> dict[str, Any]:
    """The settings that are written down with a run, as JSON holds them."""
    given = {name: value for name, value in asdict(settings).items() if name not in NOT_OF_THE_RUN}
    return {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}


def check(settings: RunSettings) -> None:
    """ValueError for what is wrong in itself, whatever the data and the machine."""
    if settings.resume is not None:
        default = type(settings)()
        for name, value in of_the_run(settings).items():
            if value != of_the_run(default)[name] and name != "micro_batch_size":
                what = "MODEL" if name == "source" else "--" + name.replace("_", "-")
                raise ValueError(f"{what}: wanted none with --resume, whose run has its own, got {value}; leave it out")
        return
    if settings.source is None:
        raise ValueError("MODEL: wanted a model to start from, got none; name one, such as RUN/model")
    if settings.data is None:
        cures = {"tune": ", or try --data docstrings", "reinforce": ", or try --task reverse,sort"}
        cure = cures.get(settings.command, "")
        raise ValueError(f"--data: wanted a file of examples, got none; name one{cure}")
    last = settings.kind == "last" and settings.method[5:].isdecimal() and settings.blocks > 0
    if settings.method not in (*ADAPTERS, "full") and not last:
        raise ValueError(f"--method: wanted lora, dora, full or last:N, got {settings.method!r}; lora is usual")
    whole = ("batch_size", "micro_batch_size", "evaluate_every", "save_every", "log_every", "rank")
    check_at_least(1, settings, *whole)
    check_at_least(0 if settings.start_is_computed else 1, settings, "steps")
    check_above_zero(settings, "epochs", "alpha", "learning_rate", "up_rate")
    if not 0 <= settings.dropout < 1:
        raise ValueError(f"--dropout: wanted from 0 to below 1, got {settings.dropout}; leave it out")
    if not 0 <= settings.seed < 2**63:
        raise ValueError(f"--seed: wanted a whole number from 0 to 2**63 - 1, got {settings.seed}; 0 is the default")
    adapters = {"rank": 8, "alpha": None, "root": False, "targets": TARGETS, "dropout": 0.0, "up_rate": 1.0}
    for name, usual in adapters.items():
        if settings.kind not in ADAPTERS and getattr(settings, name) != usual:
            option = "--" + name.replace("_", "-")
            raise ValueError(
                f"{option}: wanted --method lora or dora beside it, got {settings.method}; leave {option} out"
            )
    settings.check_own()


def check_at_least(least: int, settings: RunSettings, *names: str) -> None:
    """ValueError for one of these whole numbers that is below `least`."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and value < least:
            option = "--" + name.replace("_", "-")
            raise ValueError(f"{option}: wanted a whole number of at least {least}, got {value}; leave {option} out")


def check_above_zero(settings: RunSettings, *names: str) -> None:
    """ValueError for one of these numbers that is not above 0, or not finite."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not 0 < value < math.inf:
            option = "--" + name.replace("_", "-")
            raise ValueError(f"{option}: wanted a number above 0, got {value}; leave {option} out")
