"""What a person may say to `gpt2-trainer`: all of `train`, and how to sample meanwhile."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from tyro.conf import OmitArgPrefixes, arg

from gpt2 import TrainSettings


def _shown(metavar: str, default: str) -> Any:
    """How `--help` names a value, and the default; what is left out a resumed run takes from before."""
    return arg(metavar=metavar, help_behavior_hint=f"(default: {default})")


@dataclass(frozen=True)
class TrainerSettings:
    """Train a GPT-2 and read what it writes as it learns. Without arguments: a small one, on text Python brings along.

    The same run as `train`, to the same bits: sampling has a random generator of its own.
    """

    train: OmitArgPrefixes[TrainSettings] = field(default_factory=TrainSettings)
    prompt: Annotated[str | None, _shown("TEXT", "The")] = None
    """What every sample continues."""
    sample_every: Annotated[int | None, _shown("N", "ten in the whole run")] = None
    """Steps between samples."""
    sample_tokens: Annotated[int | None, _shown("N", "60")] = None
    """Tokens a sample, at most."""
    temperature: Annotated[float | None, _shown("T", "0.7")] = None
    """Of the samples; 0 takes the likeliest token each time."""
    top_k: Annotated[int | None, _shown("K", "40")] = None
    """Samples draw among the k likeliest tokens; 0 is off."""


def check(settings: TrainerSettings) -> None:
    """ValueError for what is wrong in the settings beside those of `train`, whatever the run."""
    if settings.sample_every is not None and settings.sample_every < 1:
        raise ValueError(f"--sample-every: wanted at least 1 step, got {settings.sample_every}; leave it out for ten")
    if settings.train.shard:
        raise ValueError(
            "--shard: wanted the whole model in each process, to sample from it, got shards; leave --shard out, or "
            "train without samples by `train --shard`"
        )
    if settings.prompt == "":
        raise ValueError('--prompt: wanted some text to continue, got none; try --prompt "The "')
