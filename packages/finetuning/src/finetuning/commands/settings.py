"""What `finetuning merge` takes. Needs no torch, so that --help answers at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True)
class Merge:
    """Merge an adapter into its base: a plain model folder that computes the same, and that every tool opens."""

    adapter: Positional[Annotated[Path, arg(metavar="RUN_OR_ADAPTER")]]
    """Folder of a finished run of `tune`, or of an adapter, ours or peft's."""
    out: Annotated[Path, arg(metavar="DIR")]
    """Model folder to write."""
    base: Annotated[str | None, arg(metavar="MODEL", help_behavior_hint="(default: where the adapter says it is)")] = (
        None
    )
    """The model that the adapter was trained on."""
