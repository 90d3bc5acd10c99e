"""What the commands `attribute`, `ablate` and `patch` take. Needs no torch, so that --help answers at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import FlagCreatePairsOff, Positional, arg

Model = Positional[Annotated[str, arg(metavar="MODEL")]]
Flag = FlagCreatePairsOff[bool]
Picture = Annotated[Path | None, arg(metavar="PICTURE")]
Token = Annotated[str | None, arg(metavar="TOKEN")]
History = Annotated[str | None, arg(metavar="all|N", help_behavior_hint="(default: the model as it is)")]
Default = Annotated[str | None, arg(metavar="TOKEN", help_behavior_hint="(default: the likeliest)")]


@dataclass(frozen=True)
class Attribute:
    """Who wrote a logit: its exact sum over embeddings, heads, feed-forward layers and biases."""

    model: Model
    """Folder of a model or a run, or another source that gpt2 loads."""
    prompt: Annotated[str, arg(metavar="TEXT")]
    """The text before the token in question."""
    target: Default = None
    """The token whose logit is taken apart, such as " the": a leading space belongs to it."""
    against: Token = None
    """Take apart the difference to this token's logit, which tells why one and not the other."""
    paths: Annotated[int | None, arg(metavar="LAYER")] = None
    """Follow what the heads of this layer wrote one step down: which part they had it from, at which token."""
    neurons: Annotated[int | None, arg(metavar="LAYER")] = None
    """Take the feed-forward layer of this block apart, neuron by neuron."""
    top: Annotated[int, arg(metavar="N")] = 16
    """Lines of the table, the largest parts first."""
    checkpoints: History = None
    """Of a run: who wrote the logit of the same token at all checkpoints, or at N of them."""
    json: Flag = False
    """Everything as one JSON object."""
    out: Picture = None
    """Draw the table here: .png, .svg or .pdf (extra `plots`)."""
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""


@dataclass(frozen=True)
class Ablate:
    """What a text costs without a part of the model, one part after the other, in nats a token with intervals."""

    model: Model
    """Folder of a model or a run, or another source that gpt2 loads."""
    text: Annotated[str | None, arg(metavar="PATH", help_behavior_hint="(default: Python's own documentation)")] = None
    """The text to measure on: a UTF-8 file, a folder or a quoted glob."""
    parts: Annotated[tuple[str, ...], arg(metavar="PART")] = ("*.head.*",)
    """Names or quoted patterns: 0.head.3, "*.head.*", 1.attention, "*.feed_forward", 0.block, "1.neuron.*",
    positions."""
    how: Literal["mean", "zero", "resample"] = "mean"
    """Put in its place: its mean over another text, nothing, or what another text had there."""
    reference: Annotated[str | None, arg(metavar="PATH", help_behavior_hint="(default: the second half)")] = None
    """The other text, for mean and resample."""
    tokens: Annotated[int, arg(metavar="N")] = 16_000
    """Tokens of the text to measure on, at most."""
    length: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the model's context)")] = None
    """Tokens of a row: the rows are the units of the intervals."""
    seed: int = 0
    """Draws the rows of resample."""
    top: Annotated[int, arg(metavar="N")] = 20
    """Lines of the table, the largest effects first."""
    checkpoints: History = None
    """Of a run: the effects at all checkpoints, or at N of them."""
    json: Flag = False
    """Every part's effect as one JSON object."""
    out: Picture = None
    """Draw the effects here: .png, .svg or .pdf (extra `plots`)."""
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""


@dataclass(frozen=True)
class Patch:
    """Where an answer is made: values of a run on one prompt put into the run on another, place by place and token by
    token; with --subject into a run with noise on some words (causal tracing)."""

    model: Model
    """Folder of a model or a run, or another source that gpt2 loads."""
    prompt: Annotated[str, arg(metavar="TEXT")]
    """The clean prompt."""
    corrupted: Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="(default: none)")] = None
    """The other prompt, of as many tokens."""
    subject: Annotated[str | None, arg(metavar="WORDS", help_behavior_hint="(default: none)")] = None
    """Words of the prompt that get noise, in place of --corrupted."""
    target: Default = None
    """The answer, one token, such as " Paris"; the likeliest after the clean prompt."""
    against: Token = None
    """Measure the difference to this token's logit; with --corrupted the likeliest after that, if it is another."""
    places: Annotated[tuple[str, ...], arg(metavar="PLACE")] = (
        "*.resid_pre",
        "*.attention.out",
        "*.feed_forward.out",
    )
    """Names or quoted patterns of places; "*.attention.heads" goes head by head."""
    noise: float = 3.0
    """With --subject: how strong, in standard deviations of the token table."""
    samples: int = 10
    """With --subject: how often it is drawn."""
    seed: int = 0
    """Draws the noise."""
    top: Annotated[int, arg(metavar="N")] = 16
    """Lines of the table, the largest effects first."""
    checkpoints: History = None
    """Of a run: what each place and token brings back of the same answer at all checkpoints, or at N of them."""
    json: Flag = False
    """All numbers as one JSON object."""
    out: Picture = None
    """Draw places against tokens here: .png, .svg or .pdf (extra `plots`)."""
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""
