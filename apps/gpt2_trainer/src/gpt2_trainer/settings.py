"""What a person may say to `gpt2-trainer`: all of `train`, and how to sample meanwhile."""

from dataclasses import dataclass, field
from typing import Annotated

from tyro.conf import OmitArgPrefixes, arg

from gpt2 import TrainSettings


@dataclass(frozen=True)
class TrainerSettings:
    """Train a GPT-2 and read what it writes as it learns. Without arguments: a small one, on text Python brings along.

    The same run as `train`, to the same bits: sampling has a random generator of its own.
    """

    train: OmitArgPrefixes[TrainSettings] = field(default_factory=TrainSettings)
    prompt: str = "The"
    """What every sample continues."""
    sample_every: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: ten in the whole run)")] = None
    """Steps between samples."""
    sample_tokens: int = 60
    """Tokens a sample, at most."""
    temperature: float = 0.7
    """Of the samples; 0 takes the likeliest token each time."""
    top_k: int = 40
    """Samples draw among the k likeliest tokens; 0 is off."""

    def __post_init__(self) -> None:
        if self.sample_every is not None and self.sample_every < 1:
            raise ValueError(f"--sample-every: wanted at least 1 step, got {self.sample_every}; leave it out for ten")
        if self.train.shard:
            raise ValueError(
                "--shard: wanted the whole model in each process, to sample from it, got shards; leave --shard out, or "
                "train without samples by `train --shard`"
            )
        if not self.prompt:
            raise ValueError('--prompt: wanted some text to continue, got none; try --prompt "The "')
