"""What a person may say to `train`: read before torch is imported, so that `--help` answers at once."""

import sys
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import arg

from workbench import check_kinds

from ..recipes import RecipeName, quick
from .recipe_fields import SHAPE, as_option, check_range, meaning, value_of
from .recipe_file import chosen_recipe


def _shown(metavar: str, default: str) -> Any:
    """How `--help` names a value, and what it says of the default behind None."""
    return arg(metavar=metavar, help_behavior_hint=f"(default: {default})")


def _recipes(name: str, metavar: str | None = None, *, told: bool = True) -> Any:
    """A field of the recipe as an option: what it is, and its value in the recipe that was typed beside `--help`."""
    hint = lambda _: f"(default: {recipe_default(name, sys.argv)})"  # noqa: E731
    return arg(metavar=metavar, help=meaning(name) if told else None, help_behavior_hint=hint)


def recipe_default(name: str, words: list[str]) -> str:
    """The value of a field in the recipe that a command line names, in words for its `--help`."""
    given = dict(pairwise(words))
    given |= {option: value for word in words for option, equals, value in [word.partition("=")] if equals}
    which = given.get("--recipe", "finetune" if "--from" in given else "quick")
    if "--from" in given and name in (*SHAPE, "tokenizer"):
        return "the source's"
    try:
        value = value_of(chosen_recipe(which), name)
    except (ValueError, OSError):
        return "the recipe's"
    varies = which == "quick" and len({value_of(quick(n_bytes), name) for n_bytes in (1, 10**6, 10**9)}) > 1
    return f"{value} for 1 MB of text" if varies else f"{value}" if which == "quick" else f"{which}'s {value}"


PRECISIONS = ("float32", "medium", "bfloat16", "auto")
COMPILE = ("off", "on", "auto")
SMALLEST_VOCABULARY = 257


@dataclass(frozen=True)
class TrainSettings:
    """Train a GPT-2. Without arguments: a small one, on text that comes with Python, in two or three minutes of
    two idle cores.

    Everything lands in one run folder: run.json, metrics.jsonl with TensorBoard curves, checkpoints/, and the finished
    model/ in the Hugging Face layout. Ctrl-C finishes the step, saves, and says how to resume.
    """

    text: Annotated[str | None, _shown("PATH", "Python's own documentation and sources")] = None
    """Text to learn from: a UTF-8 file, a folder, or a quoted glob; JSON lines or Parquet with a document a record, or
    hf://datasets/OWNER/NAME. More than memory should hold becomes token files, written once."""
    field: Annotated[str | None, _shown("NAME", "text")] = None
    """Field of JSON lines, or column of Parquet, that holds the text."""
    out: Annotated[Path | None, _shown("DIR", "the next free of runs/001, runs/002, ...")] = None
    """Run folder to make; must not hold a run yet."""
    recipe: Annotated[RecipeName | Path | None, _shown("NAME_OR_FILE", "quick")] = None
    """quick (minutes on two cores; shape and steps follow from the size of the text), small (seconds), tiny (to try
    things), gpt2, gpt2-medium, gpt2-large or gpt2-xl; with --from: finetune.
    Or a file: TOML as `gpt2 recipe NAME` prints it, or the run.json of a run."""
    source: Annotated[str | None, arg(name="from", metavar="SOURCE", help_behavior_hint="(default: new weights)")] = (
        None
    )
    """Start from this model, with its tokenizer: a model or run folder, ckpt.pt, llm.c's .bin, or a name on the hub."""
    resume: Annotated[Path | None, _shown("RUN", "a new run")] = None
    """Run folder to resume: the same bits as if it had never stopped, on the same machine with the same number of
    threads. Its own settings count: give no others."""
    same_bits: bool = False
    """With --resume: refuse where threads, processor, torch or the like are not those with which the run began, or were
    not at an earlier resume, instead of a warning."""
    seed: Annotated[int | None, _shown("N", "0")] = None
    """Picks initial weights and the order of the data."""
    device: Annotated[str, arg(metavar="NAME")] = "auto"
    """cpu, cuda, cuda:N or mps; auto takes the fastest there is."""
    steps: Annotated[int | None, _recipes("steps", "N", told=False)] = None
    """Optimizer steps. A run keeps its own; to train longer, begin another with --from RUN/model --steps N."""
    batch_size: Annotated[int | None, _recipes("batch_size", "N", told=False)] = None
    """Windows of text a step: what is learned from."""
    micro_batch_size: Annotated[int | None, _shown("N", "the whole batch")] = None
    """Windows at a time: what fits in memory; changes nothing but rounding."""
    precision: Annotated[str | None, _recipes("precision", "NAME", told=False)] = None
    """float32; medium (products of float32 numbers rounded to 16 bits); bfloat16 (activations too, by autocast); auto:
    bfloat16 where the device has units for it, else float32. Weights and sums stay float32. A resumed run keeps its
    own."""
    compile: Annotated[str | None, _shown("WHEN", "off")] = None
    """on, off, or auto: compile the training step (torch.compile, about a minute) where the run is long enough for that
    to pay and the compiled step is measured to be faster. A resumed run keeps its own."""
    n_layer: Annotated[int | None, _recipes("n_layer", "N")] = None
    n_embd: Annotated[int | None, _recipes("n_embd", "N")] = None
    n_head: Annotated[int | None, _recipes("n_head", "N")] = None
    n_ctx: Annotated[int | None, _recipes("n_ctx", "N")] = None
    n_vocab: Annotated[int | None, _recipes("n_vocab", "N")] = None
    dropout: Annotated[float | None, _recipes("dropout", "P")] = None
    layer_norm_epsilon: Annotated[float | None, _recipes("layer_norm_epsilon", "X")] = None
    activation: Annotated[Literal["gelu_tanh", "gelu"] | None, _recipes("activation", "gelu_tanh|gelu")] = None
    optimizer: Annotated[Literal["muon", "adamw"] | None, _recipes("optimizer", "muon|adamw")] = None
    learning_rate: Annotated[float | None, _recipes("learning_rate", "RATE", told=False)] = None
    """Highest learning rate. The other rate of the recipe goes with it, unless --adam-learning-rate says otherwise."""
    adam_learning_rate: Annotated[float | None, _recipes("adam_learning_rate", "RATE")] = None
    schedule: Annotated[Literal["linear", "cosine", "stable"] | None, _recipes("schedule", "linear|cosine|stable")] = (
        None
    )
    warmup: Annotated[int | None, _recipes("warmup", "N", told=False)] = None
    """Steps of linear warm-up of the learning rate; a run of fewer steps than the recipe's has fewer, unless given."""
    half_context: Annotated[float | None, _recipes("half_context", "SHARE")] = None
    keep_positions: Annotated[bool | None, _recipes("keep_positions", "True|False")] = None
    batch_ramp: Annotated[float | None, _recipes("batch_ramp", "SHARE")] = None
    shift_windows: Annotated[bool | None, _recipes("shift_windows", "True|False")] = None
    weight_decay: Annotated[float | None, _recipes("weight_decay", "X")] = None
    decay_schedule: Annotated[Literal["constant", "linear"] | None, _recipes("decay_schedule", "constant|linear")] = (
        None
    )
    cautious_decay: Annotated[bool | None, _recipes("cautious_decay", "True|False")] = None
    muon_gram: Annotated[bool | None, _recipes("muon_gram", "True|False")] = None
    muon_fitted: Annotated[bool | None, _recipes("muon_fitted", "True|False")] = None
    muon_even: Annotated[bool | None, _recipes("muon_even", "True|False")] = None
    muon_split: Annotated[bool | None, _recipes("muon_split", "True|False")] = None
    momentum_ramp: Annotated[bool | None, _recipes("momentum_ramp", "True|False")] = None
    lookahead: Annotated[float | None, _recipes("lookahead", "SHARE")] = None
    zero_output: Annotated[bool | None, _recipes("zero_output", "True|False")] = None
    bigram_start: Annotated[bool | None, _recipes("bigram_start", "True|False")] = None
    sinusoid_start: Annotated[bool | None, _recipes("sinusoid_start", "True|False")] = None
    held_out: Annotated[float | None, _recipes("held_out", "SHARE")] = None
    held_out_from: Annotated[Literal["end", "everywhere"] | None, _recipes("held_out_from", "end|everywhere")] = None
    evaluations: Annotated[int | None, _recipes("evaluations", "N")] = None
    tokenizer: Annotated[str | None, _recipes("tokenizer", "NAME", told=False)] = None
    """own (trained on the text), published (OpenAI's), or a folder: a model's, a run's, or one with vocab.json and
    merges.txt."""
    evaluate_every: Annotated[int | None, _shown("N", "a fraction of the run")] = None
    """Steps between evaluations on the held-out text."""
    save_every: Annotated[int | None, _shown("N", "as often as it is evaluated")] = None
    """Steps between checkpoints."""
    keep: Annotated[int | None, _shown("N", "2")] = None
    """Checkpoints that are kept besides the best: the last ones. Many show how the model learned."""
    log_every: Annotated[int | None, _shown("N", "10")] = None
    """Steps between lines of metrics.jsonl."""
    skip_limit: Annotated[int | None, _shown("N", "0: the first one stops the run")] = None
    """Steps of the run that may be left out because their loss or gradient is not finite."""
    profile: bool = False
    """Show where the time goes, as a table; RUN/profile gets it too, with a trace of three steps."""
    processes: Annotated[int | None, _shown("N", "1, or torchrun's")] = None
    """Train with so many processes on this machine, each with its part of every batch: starts torchrun."""
    shard: Annotated[bool, arg(name="shard")] = False
    """Share weights and optimizer state out among the processes (FSDP2), for models that one alone cannot hold."""


NOT_OF_THE_RUN = frozenset({"out", "resume", "device", "log_every", "processes", "profile", "same_bits"})
"""Settings that say where and how a run goes, and are not written down with it."""
CHANGEABLE = NOT_OF_THE_RUN | {"micro_batch_size", "skip_limit", "keep"}
"""Settings that a resumed run may have otherwise: they do not change what it learns from."""


def of_the_run(settings: TrainSettings) -> dict[str, Any]:
    """The settings that are written down with a run, by name."""
    kept = {name: value for name, value in asdict(settings).items() if name not in NOT_OF_THE_RUN}
    return {name: str(value) if isinstance(value, Path) else value for name, value in kept.items()}


def left_out(settings: TrainSettings) -> frozenset[str]:
    """The settings that were not given, by name."""
    return frozenset(field.name for field in fields(settings) if getattr(settings, field.name) == field.default)


def check(settings: TrainSettings) -> None:
    """ValueError for what is wrong in itself, whatever the text and the machine; TypeError for other kinds."""
    check_kinds(settings)
    for name in (
        "steps",
        "batch_size",
        "micro_batch_size",
        "evaluate_every",
        "save_every",
        "keep",
        "log_every",
        "processes",
    ):
        value = getattr(settings, name)
        if value is not None and value < 1:
            option = "--" + name.replace("_", "-")
            raise ValueError(f"{option}: wanted a whole number of at least 1, got {value}; leave {option} out")
    if settings.same_bits and settings.resume is None:
        raise ValueError("--same-bits: wanted --resume RUN beside it, got a new run; leave --same-bits out")
    if settings.source is not None and settings.tokenizer == "own":
        raise ValueError("--tokenizer: wanted that of the model with --from, got own; leave --tokenizer out")
    if settings.recipe == "finetune" and settings.source is None and settings.resume is None:
        raise ValueError("--recipe finetune: wanted a model to start from, got none; name it with --from SOURCE")
    if settings.learning_rate is not None and not 0 < settings.learning_rate < float("inf"):
        raise ValueError(f"--learning-rate: wanted a number above 0, got {settings.learning_rate}; try 1e-3")
    if settings.warmup is not None and settings.warmup < 0:
        raise ValueError(f"--warmup: wanted 0 steps or more, got {settings.warmup}; leave it out")
    for name, known in (("precision", PRECISIONS), ("compile", COMPILE)):
        if (value := getattr(settings, name)) is not None and value not in known:
            raise ValueError(f"--{name}: wanted one of {', '.join(known)}, got {value!r}; leave --{name} out")
    if settings.compile == "on" and settings.shard:
        raise ValueError(
            "--compile on: wanted a model that is whole in each process, got --shard; leave one of them out"
        )
    if settings.skip_limit is not None and settings.skip_limit < 0:
        raise ValueError(f"--skip-limit: wanted 0 steps or more, got {settings.skip_limit}; leave it out")
    for name in (
        "adam_learning_rate",
        "half_context",
        "batch_ramp",
        "lookahead",
        "weight_decay",
        "held_out",
        "evaluations",
    ):
        if (value := getattr(settings, name)) is not None:
            try:
                check_range(name, value)
            except ValueError as error:
                raise ValueError(as_option(str(error))) from None
    if settings.n_vocab is not None and settings.n_vocab < SMALLEST_VOCABULARY:
        raise ValueError(
            f"--n-vocab: wanted at least {SMALLEST_VOCABULARY}, 256 bytes and the end of a text, got "
            f"{settings.n_vocab}; ask for more"
        )
    if settings.evaluations is not None and settings.evaluate_every is not None:
        raise ValueError("--evaluations: wanted it alone, got --evaluate-every beside it; leave one of them out")
    if settings.seed is not None and not 0 <= settings.seed < 2**63:
        raise ValueError(f"--seed: wanted a whole number from 0 to 2**63 - 1, got {settings.seed}; 0 is the default")
