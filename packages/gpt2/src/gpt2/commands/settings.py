"""What a person may say to `gpt2 verify`, `inspect`, `tokens` and the like: read before torch is imported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

Source = Annotated[str, arg(metavar="SOURCE")]
Folder = Annotated[Path | None, arg(metavar="DIR")]


@dataclass(frozen=True)
class VerifySettings:
    """Try every claim about a model and its files. Exit code 1 where one is broken."""

    source: Positional[Source]
    """Model folder, run folder, nanoGPT's ckpt.pt, llm.c's .bin, or a name on the Hugging Face hub."""
    tokenizer: Folder = None
    """Folder of the tokenizer, a model or a run, for a checkpoint file that has none beside it."""


@dataclass(frozen=True)
class InspectSettings:
    """Show configuration, parameters by part, dtypes and value ranges of a model."""

    source: Positional[Source]
    """Model folder, run folder, nanoGPT's ckpt.pt, llm.c's .bin, or a name on the Hugging Face hub."""


@dataclass(frozen=True)
class TokensSettings:
    """Show the tokens of a text: in color in a terminal, else a line a token with id, first byte, byte after the
    last, and piece."""

    text: Positional[Annotated[str, arg(metavar="TEXT")]]
    """The text, in quotes."""
    tokenizer: Folder = None
    """Folder of a tokenizer, a model or a run; the published vocabulary if left out."""


@dataclass(frozen=True)
class FitSettings:
    """Plan the memory of training and of using a model, the largest micro-batch, and with --tokens the hours, before
    anything runs."""

    source: Positional[Annotated[str, arg(metavar="SIZE_OR_SOURCE")]]
    """gpt2, gpt2-medium, gpt2-large or gpt2-xl; a recipe; or a model that can be loaded."""
    device: Annotated[str, arg(metavar="NAME")] = "auto"
    """cpu, cuda, cuda:N or mps; auto takes the fastest there is."""
    memory: Annotated[float | None, arg(metavar="GB", help_behavior_hint="(default: what is free there)")] = None
    """Plan for a device with so many gigabytes (10^9 bytes) instead."""
    context: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the model's)")] = None
    """Tokens of a window, and of a text that is written."""
    optimizer: Annotated[
        str | None, arg(metavar="NAME", help_behavior_hint="(default: the recipe's; adamw for other models)")
    ] = None
    """adamw or muon."""
    precision: Annotated[
        str | None, arg(metavar="NAME", help_behavior_hint="(default: train's on that device; float32 with --memory)")
    ] = None
    """float32, medium or bfloat16, as for `train`."""
    tokens: Annotated[float | None, arg(metavar="N", help_behavior_hint="(default: no hours)")] = None
    """Tokens to learn from, such as 10e9: then the hours are planned, too."""
    devices: Annotated[int, arg(metavar="N")] = 1
    """Devices that train together; each holds its share of weights, gradients and optimizer state, as with --shard."""
    speed: Annotated[float | None, arg(metavar="TFLOPS", help_behavior_hint="(default: measured here)")] = None
    """10^12 operations a second that each device keeps up while it trains."""


@dataclass(frozen=True)
class BatchSettings:
    """Print the text that a step of a run learned from, window by window."""

    run: Positional[Annotated[Path, arg(metavar="RUN")]]
    """Run folder."""
    step: Positional[Annotated[int, arg(metavar="STEP")]]
    """Number of the step, from 1."""
    text: Annotated[str | None, arg(metavar="PATH", help_behavior_hint="(default: where the run found it)")] = None
    """Where the run's text is now."""


@dataclass(frozen=True)
class RecipeSettings:
    """Print a recipe as TOML: every field with what it is. Change what you like, and give it to `train --recipe`."""

    name: Positional[Annotated[str, arg(metavar="NAME_OR_FILE")]]
    """quick, small, tiny, finetune, gpt2, gpt2-medium, gpt2-large or gpt2-xl; a recipe's file; or the run.json of a
    run."""
    megabytes: Annotated[float, arg(metavar="N")] = 1.0
    """Size of the text that quick's shape and steps are for."""


@dataclass(frozen=True)
class RunsSettings:
    """List the runs in a folder: recipe, text, steps, held-out bits per byte, seconds and state. Two runs are compared
    side by side, with what differs."""

    folders: Positional[Annotated[tuple[Path, ...], arg(metavar="FOLDER", help_behavior_hint="(default: runs)")]] = ()
    """Folder with runs, one run, or two runs to compare."""
    json: bool = False
    """Print JSON."""
