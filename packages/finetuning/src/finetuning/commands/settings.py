"""What commands that do not train take. Needs no torch, so that --help answers at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True)
class Merge:
    """Merge an adapter into its base: a plain model folder that computes the same, and that every tool opens."""

    adapter: Positional[Annotated[Path, arg(metavar="RUN_OR_ADAPTER")]]
    """Folder of a finished run of tune, prefer, reinforce or distill, or of an adapter, ours or peft's."""
    out: Annotated[Path, arg(metavar="DIR")]
    """Model folder to make; must not hold anything yet."""
    base: Annotated[str | None, arg(metavar="MODEL", help_behavior_hint="(default: where the adapter says it is)")] = (
        None
    )
    """The model that the adapter was trained on."""


@dataclass(frozen=True)
class Label:
    """Label texts with a classifier: a line of JSON for each, with label, probability and text."""

    model: Positional[Annotated[Path, arg(metavar="MODEL")]]
    """Folder of a finished run of `classify`, or of a classifier, ours or transformers'."""
    file: Positional[Annotated[Path, arg(metavar="FILE")]]
    """Texts: .jsonl, .csv, .tsv or .parquet with text. Where it has labels too, the accuracy is told."""
    out: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: standard output)")] = None
    """Where to write the lines."""


@dataclass(frozen=True)
class Compare:
    """Compare two models on one task and on old text: what was learned, and what was forgotten."""

    before: Positional[Annotated[str, arg(metavar="BEFORE")]]
    """A model folder or run, an adapter, or a classifier."""
    after: Positional[Annotated[str, arg(metavar="AFTER")]]
    """Another one; of a run of this command, what it held out is the task."""
    data: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: what the run AFTER held out)")] = (
        None
    )
    """Records of a task: prompt and completion, messages, text and label, or prompt, chosen and rejected."""
