"""What a person may say to `heads`, `lens`, `neurons`, `features`, `probe` and `induction`: read before torch is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg


def _shown(metavar: str, default: str) -> object:
    """How `--help` names a value, and what it says of the default behind None."""
    return arg(metavar=metavar, help_behavior_hint=f"(default: {default})")


Model = Annotated[str, arg(metavar="MODEL")]
Flag = FlagCreatePairsOff[bool]
Text = Annotated[str | None, _shown("PATH", "what `train` holds out of Python's documentation and sources")]
Picture = Annotated[Path | None, _shown("FILE", "no picture")]
History = Annotated[str | None, _shown("all|N", "the model as it is")]
Property = Literal["next-kind", "line-start", "in-string", "indented"]


@dataclass(frozen=True)
class Heads:
    """Show what kind of head each head is: does it look at the token before, at earlier occurrences of the same token,
    at what came after them (induction), at the first token, or where its position tells it to?"""

    model: Positional[Model]
    """Model folder, run folder, or another source that gpt2 loads."""
    text: Annotated[str | None, _shown("PATH", "the whole vocabulary")] = None
    """A text whose tokens the random texts are made of: a UTF-8 file, a folder or a glob."""
    period: Annotated[int | None, _shown("N", "half of the context, at most 64")] = None
    """Tokens after which the random texts repeat themselves."""
    rows: Annotated[int, arg(metavar="N")] = 16
    """Random texts that the scores are averages over."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Which random texts."""
    checkpoints: History = None
    """Of a run: the best head of each kind at all checkpoints, or at N of them."""
    json: Flag = False
    """Everything as one JSON object."""
    out: Picture = None
    """Where a picture goes: .png, .svg or .pdf."""
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""


@dataclass(frozen=True)
class Lens:
    """Show what the model would say if it stopped earlier: the top token at each place of the stream, and how far that
    is from the end. With --tune the lens is fitted to the model first, which early layers need."""

    model: Positional[Model]
    """Model folder, run folder, or another source that gpt2 loads."""
    prompt: Annotated[str | None, _shown("TEXT", "the first words of the text")] = None
    """The text that is looked at, at most a context long."""
    text: Text = None
    """What a lens is fitted on and measured with: a UTF-8 file, a folder or a glob."""
    tokens: Annotated[int, arg(metavar="N")] = 80_000
    """Tokens of it, at most: a fifth to measure with, the rest to fit on."""
    tune: Annotated[Path | None, _shown("FILE", "the plain lens")] = None
    """Fit a tuned lens, keep it in FILE (.safetensors), and look through it."""
    tuned: Annotated[Path | None, _shown("FILE", "the plain lens")] = None
    """Look through the tuned lens of a FILE that --tune wrote."""
    steps: Annotated[int, arg(metavar="N")] = 20
    """Of --tune, after the fit by least squares; 0 leaves that as it is."""
    checkpoints: History = None
    """Of a run: the distance to the end at all checkpoints, or at N of them."""
    json: Flag = False
    """Everything as one JSON object."""
    out: Picture = None
    """Where a picture goes: .png, .svg or .pdf."""
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""


@dataclass(frozen=True)
class Neurons:
    """Show the passages of a text on which neurons of the feed-forward layers are highest, and the tokens that they
    speak for. Without --neuron: those that stand out most."""

    model: Positional[Model]
    """Model folder, run folder, or another source that gpt2 loads."""
    neuron: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="L.N")]] = ()
    """A neuron, as layer and number, such as 1.37; may be given several times."""
    text: Text = None
    """The corpus that is searched: a UTF-8 file, a folder or a glob."""
    tokens: Annotated[int, arg(metavar="N")] = 100_000
    """Tokens of it, at most."""
    top: Annotated[int, arg(metavar="N")] = 5
    """Passages of each neuron; without --neuron, neurons."""
    checkpoints: History = None
    """Of a run: how high neurons are on the passages that are theirs at last, at all checkpoints, or at N of them."""
    json: Flag = False
    """Everything as one JSON object."""
    out: Picture = None
    """Where a picture goes: .png, .svg or .pdf."""
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""


@dataclass(frozen=True)
class Features:
    """Take a place apart into sparse features (a top-k sparse autoencoder), say what they are worth, and show the
    passages that they are about. The folder of --save opens in SAELens."""

    model: Positional[Model]
    """Model folder, run folder, or another source that gpt2 loads."""
    place: Annotated[str | None, _shown("PLACE", "the stream after the middle block")] = None
    """Where: a place such as 0.resid_post or 1.feed_forward.out."""
    load: Annotated[Path | None, _shown("DIR", "learn them now")] = None
    """Use the features of this folder instead of learning some: what is said of learning does not matter then."""
    save: Annotated[Path | None, _shown("DIR", "they are not kept")] = None
    """Keep the features here."""
    features: Annotated[int | None, _shown("N", "8 for each channel of the place")] = None
    """How many to learn."""
    active: Annotated[int, arg(metavar="N")] = 32
    """Features that are used for each token."""
    steps: Annotated[int, arg(metavar="N")] = 300
    """Steps of learning."""
    text: Text = None
    """What they are learned from and judged on: a UTF-8 file, a folder or a glob."""
    tokens: Annotated[int, arg(metavar="N")] = 200_000
    """Tokens of it, at most: a tenth to judge by, the rest to learn from."""
    top: Annotated[int, arg(metavar="N")] = 8
    """Features that are shown: the strongest of those that are on for one token in a thousand."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Picks the directions that learning starts from."""
    checkpoints: History = None
    """Of a run: what the features of the last one are worth at all checkpoints, or at N of them."""
    json: Flag = False
    """Everything as one JSON object."""
    out: Picture = None
    """Where a picture goes: .png, .svg or .pdf."""
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""


@dataclass(frozen=True)
class Probe:
    """Ask by a straight line what is written at each place of the stream: a property of every token, or your own labels
    of whole texts. Beside it stands a control task without meaning (Hewitt and Liang 2019)."""

    model: Positional[Model]
    """Model folder, run folder, or another source that gpt2 loads."""
    property: Property = "next-kind"
    """Of each token of the text: the kind of the next one (word, number, space, line end, other); whether it begins a
    line; whether it stands inside of quotes; whether its line is indented."""
    labels: Annotated[Path | None, _shown("FILE", "a property of tokens")] = None
    """Texts of your own with their labels: JSON lines {"text": …, "label": …}, or CSV with these two columns. What is
    read is the last token of each. In place of --property and --text."""
    place: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="PLACE")]] = ()
    """Where to read; may be given several times (default: the stream before, in and after each block)."""
    text: Text = None
    """For --property: a UTF-8 file, a folder or a glob."""
    tokens: Annotated[int, arg(metavar="N")] = 30_000
    """Tokens of it, at most."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Picks what is held out, and the control task."""
    checkpoints: History = None
    """Of a run: the selectivity at all checkpoints, or at N of them."""
    json: Flag = False
    """Everything as one JSON object."""
    out: Picture = None
    """Where a picture goes: .png, .svg or .pdf."""
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""


@dataclass(frozen=True)
class Induction:
    """Train a model of two layers on synthetic texts that only copying foretells, in seconds, and watch its induction
    head appear. The result is a run folder whose checkpoints all other commands open."""

    out: Annotated[Path | None, _shown("DIR", "the next free of runs/001, runs/002, ...")] = None
    """Run folder to make; must be new or empty."""
    steps: Annotated[int | None, _shown("N", "the recipe's")] = None
    """Optimizer steps; fewer may be too few."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Picks initial weights and texts."""
    save_every: Annotated[int | None, _shown("N", "a thirtieth of the run")] = None
    """Steps between checkpoints, all of which are kept."""
    json: Flag = False
    """Everything as one JSON object."""
    picture: Annotated[Path | None, _shown("FILE", "no picture")] = None
    """Where a picture of the loss and the heads over the run goes: .png, .svg or .pdf."""
