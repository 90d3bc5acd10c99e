"""What the commands `score`, `tasks` and `compare` take. Needs no torch, so that --help answers at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

Model = tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="MODEL")]]
Files = tyro.conf.Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="FILE")]]
Flag = tyro.conf.FlagCreatePairsOff[bool]
ItemTask = Literal["lambada", "hellaswag", "blimp", "choice"]
TextTask = Literal["wikitext2", "wikitext103"]


@dataclass(frozen=True)
class Score:
    """Score texts: one JSON object per document and line, with its nats, bits per byte and perplexity. Each document
    is scored from its first byte on."""

    model: Model
    """Folder of a model, such as RUN/model after training, or another source that gpt2 loads."""
    files: Files = ()
    """Text files, one document each; .jsonl files, one document a line; - for standard input."""
    text: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A text to score; may be given several times."""
    field: str = "text"
    """Where a line of a .jsonl file has its text."""
    stride: int | None = None
    """Tokens from one window to the next in texts beyond the context (default: half of it); fewer see more."""
    tokens: Flag = False
    """The nats of every token too."""
    ways: Flag = False
    """Read each document in three ways: plain (windows that do not overlap, as `train` judges), strided, and dynamic
    (the model learns from each window once that is scored). Three numbers that are never mixed."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the lines here and not to standard output."""
    resume: Flag = False
    """Resume an interrupted command: keep what --out has, and do the rest."""
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""


@dataclass(frozen=True)
class Tasks:
    """Run a task and print its measures with their 95 % intervals. lambada: the last word of a passage. hellaswag: the
    end of a description. blimp: which of two sentences is grammatical. choice: your own questions. wikitext2 and
    wikitext103: perplexity by the protocol of GPT-2's paper, beside the raw one."""

    model: Model
    """Folder of a model, such as RUN/model after training, or another source that gpt2 loads."""
    task: ItemTask | TextTask
    """What to ask."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """The task's data: .jsonl or .parquet, for wikitext the text; by default the hub's (extra `hub`), if it has any."""
    subset: str | None = None
    """Which part of the published data, such as anaphor_number_agreement of blimp."""
    limit: int | None = None
    """Only the first so many questions."""
    stride: int | None = None
    """wikitext: tokens from one window to the next (default: half of the context)."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write every question's outcome here, one JSON object a line."""
    resume: Flag = False
    """Resume an interrupted command: keep what --out has, and do the rest."""
    json: Flag = False
    """The measures as one JSON object."""
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""


@dataclass(frozen=True)
class Compare:
    """Compare two models on the same texts (bits per byte: fewer are better) or questions (accuracy), paired: is the
    difference more than chance?"""

    model_a: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="MODEL_A")]]
    """The first model."""
    model_b: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="MODEL_B")]]
    """The second model."""
    text: tyro.conf.UseAppendAction[Annotated[tuple[str, ...], tyro.conf.arg(metavar="FILE")]] = ()
    """A text or .jsonl file, or - for standard input; may be given several times. Cut in pieces of 2,000 bytes."""
    field: str = "text"
    """Where a line of a .jsonl file has its text."""
    task: ItemTask | None = None
    """Compare on a task's questions and not on texts."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """The task's data, as for tasks."""
    subset: str | None = None
    """Which part of the published data, as for tasks."""
    limit: int | None = None
    """Only the first so many pieces or questions."""
    stride: int | None = None
    """Tokens from one window to the next (default: half of the context)."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write what each model got on every piece or question here, one JSON object a line."""
    resume: Flag = False
    """Resume an interrupted command: keep what --out has, and do the rest."""
    json: Flag = False
    """The comparison as one JSON object."""
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""
