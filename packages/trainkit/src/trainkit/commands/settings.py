"""What can be typed after `trainkit inspect` and `trainkit diff`. Needs no torch, so that --help answers at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


def _checkpoint(metavar: str) -> object:
    return arg(metavar=metavar, help_behavior_hint="")


@dataclass(frozen=True)
class Inspect:
    """Show what a checkpoint holds, after reading every byte of it."""

    checkpoint: Annotated[Path, Positional, _checkpoint("CHECKPOINT")]
    """A folder such as RUN/checkpoints/step-000200, or the folder of checkpoints, or RUN: then its latest."""


@dataclass(frozen=True)
class Diff:
    """Compare two checkpoints tensor by tensor; exit code 0 if they hold the same, 1 if not."""

    first: Annotated[Path, Positional, _checkpoint("FIRST")]
    """A checkpoint's folder, or a folder of checkpoints, or RUN: then its latest."""
    second: Annotated[Path, Positional, _checkpoint("SECOND")]
    """The one to compare it with."""


COMMANDS = {"inspect": Inspect, "diff": Diff}
