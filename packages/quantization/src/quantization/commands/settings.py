"""What one can type after `quantization convert`, `generate`, `report`, `search` and `benchmark`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from decoding import Generate

Source = tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="SOURCE")]]
File = Annotated[Path, tyro.conf.arg(metavar="FILE")]
MaybeFile = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]
Folder = Annotated[Path, tyro.conf.arg(metavar="DIR")]


@dataclass(frozen=True)
class Convert:
    """Write a model with its weights as small whole numbers. `generate` continues text with it."""

    source: Source
    """A model in float: its folder, a run's folder, or a name on the hub."""
    out: Folder
    """Folder to write; it must not exist, or be empty."""
    to: Annotated[str, tyro.conf.arg(metavar="SCHEME")] = "int8"
    """int8, int8-weight-only, int4, int4:GROUP (weights that share a scale; int4 alone: 32), bfloat16."""
    plan: MaybeFile = None
    """Schemes of single layers instead, as `search` writes them."""
    calibrate: MaybeFile = None
    """A text of the kind that the model will read: int4 is then rounded so that on such texts least is lost. For int4
    or --equalise alone."""
    tokens: int = 16_384
    """Tokens of that text to read."""
    equalise: tyro.conf.FlagCreatePairsOff[bool] = False
    """Give loud inputs finer steps first (activation-aware weights); needs --calibrate."""
    keep: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A layer that stays in float; may be given several times."""


@dataclass(frozen=True)
class GenerateSmall(Generate):
    """Continue text with a quantized model, as `decoding generate` does with one in float."""

    model: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="DIR")]]
    """Folder of a quantized model, as `convert` writes it. One in float is for `decoding generate`."""
    cache: Literal["float32", "int8"] = "float32"
    """How the keys and values of earlier tokens are kept. int8 takes a quarter of that memory, and is slower."""


@dataclass(frozen=True)
class Report:
    """What every scheme costs: bytes, perplexity, changed words, and which layers suffer most."""

    source: Source
    """A model in float."""
    text: File
    """A text that the model has not learned from."""
    calibrate: MaybeFile = None
    """Another such text, to round int4 by."""
    schemes: tuple[str, ...] = ("bfloat16", "int8-weight-only", "int8", "int4")
    """Schemes to compare; `convert --help` lists them."""
    tokens: int = 8_192
    """Tokens of the text to read for every measurement."""
    out: MaybeFile = None
    """Picture to draw (.png, .svg or .pdf; extra `plots`)."""


@dataclass(frozen=True)
class Search:
    """Find a scheme for each layer, so that the whole is small enough or good enough. `convert --plan` uses it."""

    source: Source
    """A model in float."""
    text: File
    """A text to measure with; not the one that the result is judged by."""
    out: File
    """Plan to write (JSON)."""
    megabytes: float | None = None
    """Size to stay within."""
    loss: float | None = None
    """Percent of perplexity that may be lost (one of the two)."""
    calibrate: MaybeFile = None
    """Another text, to round int4 by."""
    tokens: int = 4_096
    """Tokens of the text to read for every measurement."""


@dataclass(frozen=True)
class Benchmark:
    """Tokens a second of every precision on this machine, beside what its memory allows."""

    source: Source
    """A model in float."""
    schemes: tuple[str, ...] = ()
    """Schemes to compare, `convert --help` lists them, and float32 (our kernels); all when none is given."""
    rows: tuple[int, ...] = (1, 8)
    """Texts that are written at the same time."""
    tokens: int = 32
    """Tokens to write in each."""
    turns: int = 5
    """Times that every precision has its turn; the median counts."""
    out: MaybeFile = None
    """Picture to draw (.png, .svg or .pdf; extra `plots`)."""
