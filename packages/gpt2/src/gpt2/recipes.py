"""Recipes: everything that decides what a run learns, as data. A name stands for one `Recipe`, no more."""

import dataclasses
import difflib
import math
from dataclasses import dataclass
from typing import Any, Literal

from .config import PUBLISHED, GPT2Config

RecipeName = Literal["quick", "small", "tiny", "finetune", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"]
"""So that a type checker sees a slip of the pen."""


@dataclass(frozen=True)
class Recipe:
    """A shape and how to train it. With the text and the seed it fixes every weight of the result."""

    name: str
    config: GPT2Config
    """`n_vocab` is what the tokenizer is asked for; the model gets what it has."""
    steps: int
    """Optimizer steps in all."""
    batch_size: int
    """Windows of `n_ctx` tokens a step, over all micro-batches."""
    optimizer: Literal["muon", "adamw"] = "adamw"
    """"muon": Muon for the matrices inside the blocks, AdamW for the rest."""
    learning_rate: float = 6e-4
    """Highest rate: of Muon's matrices, or of everything with AdamW."""
    adam_learning_rate: float = 6e-4
    """Highest rate of what Muon leaves to AdamW: embeddings, norms, biases."""
    schedule: Literal["linear", "cosine", "stable"] = "linear"
    """After the warm-up: a line to zero, half a cosine to a tenth, or the full rate until a line to zero over the last
    half."""
    warmup: int = 0
    """Steps of linear warm-up."""
    half_context: float = 0.0
    """Share of the steps, at the beginning, that learn from twice as many windows of half the length: the nearest words
    are learned first and sooner (sequence-length warm-up, arXiv 2108.06084)."""
    keep_positions: bool = False
    """The half windows are windows cut in two, and the second piece keeps its positions: all of them are learned from
    the first step on, though nothing looks back over the cut."""
    batch_ramp: float = 0.0
    """Share of the steps, at the beginning, of half as many windows: gradients need not be exact while they are large
    (arXiv 2505.23971)."""
    shift_windows: bool = False
    """Begin the windows of every pass through the text elsewhere, by an offset from the seed and the pass."""
    weight_decay: float = 0.1
    """Of matrices; vectors do not decay."""
    decay_schedule: Literal["constant", "linear"] = "constant"
    """"linear": the weight decay falls to zero with the steps, and with the rate that it is multiplied by."""
    cautious_decay: bool = False
    """With Muon: decay only what the update moves toward zero, too (arXiv 2510.12402)."""
    muon_gram: bool = True
    """Compute Muon's step in its Gram form: the same up to rounding, with a third fewer operations."""
    muon_fitted: bool = False
    """Four of Muon's rounds, each with coefficients of its own (Polar Express, arXiv 2505.16932), in place of five."""
    muon_even: bool = False
    """Even out how far Muon moves each row or column of a matrix over time (NorMuon, arXiv 2510.05491)."""
    muon_split: bool = False
    """Muon takes the matrices of queries, keys and values, one parameter in GPT-2, for the three that they are."""
    momentum_ramp: bool = False
    """Muon's momentum rises from 0.85 to 0.95 over the first third of the steps and falls back over the last tenth."""
    lookahead: float = 0.0
    """With Muon: move on by this share of the mean movement of the last tenth of the steps before each step, from a
    quarter to nine tenths of all (EMA-Nesterov, arXiv 2605.25395)."""
    zero_output: bool = False
    """Start the projections that write to the residual stream at zero: every block begins as the identity."""
    bigram_start: bool = False
    """Begin as a model that predicts each token from the one before it, by the counts of the text."""
    sinusoid_start: bool = False
    """Begin the position table as sines and cosines of many wavelengths, in which equal distances look alike."""
    tokenizer: Literal["own", "published"] = "own"
    """Train a tokenizer on the text, or take OpenAI's 50,257 ids."""
    held_out: float = 0.05
    """Share of the text that is never trained on."""
    held_out_from: Literal["end", "everywhere"] = "end"
    """"end": of 20 documents or more whole ones, of fewer the end of each. "everywhere": pieces from all over, which
    flatter: their names and scenes stand in what is learned, too."""
    evaluations: int = 4
    """Times a run of `steps` steps is evaluated on all of the held-out text."""
    precision: Literal["float32", "auto"] = "auto"
    """How exactly it multiplies unless `--precision` says so: "auto" takes 16-bit products where there are units for
    them."""

    @property
    def half_batches(self) -> int:
        """Steps of half a batch, at the beginning: an even number, so that whole batches follow where they end."""
        return round(self.steps * self.batch_ramp / 2) * 2

    def windows_from(self, start: int = 0) -> int:
        """Windows of `n_ctx` tokens that the steps after the first `start` ones learn from."""
        return self.batch_size * (self.steps - start) - self.batch_size // 2 * max(0, self.half_batches - start)

    def tokens_of_steps(self, n_ctx: int) -> str:
        """How many tokens its steps read, in words, of a model with this context."""
        halved = f", the first {self.half_batches} of half as many" if self.half_batches else ""
        return f"{self.batch_size * n_ctx:,} tokens{halved}"

    def replace(self, **changes: Any) -> "Recipe":
        """The recipe with some fields changed; None leaves a field as it is."""
        return dataclasses.replace(self, **{name: value for name, value in changes.items() if value is not None})


def recipe(name: RecipeName, n_bytes: int | None = None) -> Recipe:
    """The recipe of that name, `quick` for a text of `n_bytes` (default: a megabyte).

    ValueError with the nearest names for an unknown one.
    """
    if name == "quick" and n_bytes is not None:
        return quick(n_bytes)
    known = {recipe.name: recipe for recipe in RECIPES}
    if name not in known:
        raise unknown(name)
    return known[name]


def unknown(name: str) -> ValueError:
    """The error for a name that no recipe has, with the nearest."""
    known = [recipe.name for recipe in RECIPES]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    guess = f"did you mean {near[0]}?" if near else "`train --help` explains them"
    return ValueError(f"--recipe: wanted one of {', '.join(known)}, or a file that exists, got {name!r}; {guess}")


def quick(n_bytes: int) -> Recipe:
    """Minutes on two cores, for any text; with m its megabytes, taken as 0.2 where there are fewer and 20 where more:

    - 1024 sqrt(m) ids, to the next power of two: a longer text has more words that are worth an id of their own;
    - two layers, 256 wide, of two heads: of shapes that cost the same, flat and wide ones learned most in so few steps,
      and two heads, which see more of a token each, learned more than eight;
    - positions that begin as sinusoids, and an update for queries, keys and values each: what looks where is learned in
      the first steps, not the last;
    - a context of 64 tokens, and from 2 MB on, where a text is not read once, of 128; windows begin elsewhere in each
      pass through the text;
    - 1,100 steps of 1,536 tokens, fewer below 1 MB (four times through the text), and from 2 MB on 730 of 2,048;
    - a weight decay of 1.5 / m, at most 1: what is read several times would be learned by heart;
    - a twentieth of the text held out, at most 0.3 MB: reading it takes time, too.
    """
    megabytes = min(max(n_bytes / 1e6, 0.2), 20.0)
    long = megabytes >= 2
    return Recipe(
        "quick",
        GPT2Config(
            n_vocab=2 ** round(math.log2(1024 * math.sqrt(megabytes))),
            n_ctx=128 if long else 64,
            n_embd=256,
            n_head=2,
            n_layer=2,
        ),
        steps=730 if long else round(1100 * min(1.0, megabytes)),
        batch_size=16 if long else 24,
        optimizer="muon",
        learning_rate=6e-3,
        adam_learning_rate=5e-3,
        warmup=20,
        shift_windows=True,
        muon_split=True,
        weight_decay=min(1.0, 1.5 / megabytes),
        zero_output=True,
        sinusoid_start=True,
        held_out=min(0.05, 300_000 / max(1, n_bytes)),
        evaluations=2,
    )


def _published(name: str, steps: int, learning_rate: float) -> Recipe:
    """Half a million tokens a step and the rates of GPT-3's table 2.1 for these sizes (arXiv 2005.14165).

    For 124M that is llm.c's reproduction on FineWeb, which reaches the 3.29 nats of OpenAI's model on its validation
    set."""
    return Recipe(
        name,
        PUBLISHED[name],
        steps=steps,
        batch_size=512,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=715,
        tokenizer="published",
        evaluations=100,
    )


RECIPES = (
    quick(10**6),
    Recipe(
        "small",
        GPT2Config(n_vocab=2048, n_ctx=64, n_embd=128, n_head=4, n_layer=2),
        steps=70,
        batch_size=24,
        optimizer="muon",
        learning_rate=1e-2,
        adam_learning_rate=1e-2,
        warmup=10,
        half_context=0.7,
        weight_decay=0.05,
        zero_output=True,
        bigram_start=True,
        evaluations=1,
    ),
    Recipe(
        "tiny",
        GPT2Config(n_vocab=512, n_ctx=32, n_embd=32, n_head=2, n_layer=2),
        steps=40,
        batch_size=8,
        optimizer="muon",
        learning_rate=1e-2,
        adam_learning_rate=1e-2,
        warmup=4,
        zero_output=True,
        precision="float32",
        held_out=0.01,
        evaluations=2,
    ),
    Recipe(
        "finetune",
        GPT2Config(),  # the source's shape takes its place
        steps=200,
        batch_size=8,
        learning_rate=1e-4,
        adam_learning_rate=1e-4,
        warmup=10,
        weight_decay=0.01,
        evaluations=4,
    ),
    _published("gpt2", 19_073, 6e-4),
    _published("gpt2-medium", 19_073, 3e-4),
    _published("gpt2-large", 19_073, 2.5e-4),
    _published("gpt2-xl", 19_073, 2e-4),
)
"""quick: minutes on two cores; here for a megabyte of text. small: seconds, for what nanoGPT's recipe for a CPU
learns of a megabyte of plays in minutes. tiny: to try things out. finetune: what starts from another model, gently.
Others: the published shapes on 10 billion tokens."""
