"""Recipes: everything that decides what a run learns, as data. A name stands for one `Recipe`, no more."""

import dataclasses
import difflib
from dataclasses import dataclass
from typing import Any, Literal

from .config import PUBLISHED, GPT2Config


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
    schedule: Literal["linear", "cosine"] = "linear"
    """After the warm-up: a line to zero, or half a cosine to a tenth."""
    warmup: int = 0
    """Steps of linear warm-up."""
    half_context: float = 0.0
    """Share of the steps, at the beginning, that learn from twice as many windows of half the length: the nearest words
    are learned first and sooner (sequence-length warm-up, arXiv 2108.06084)."""
    weight_decay: float = 0.1
    """Of matrices; vectors do not decay."""
    zero_output: bool = False
    """Start the projections that write to the residual stream at zero: every block begins as the identity."""
    tokenizer: Literal["own", "published"] = "own"
    """Train a tokenizer on the text, or take OpenAI's 50,257 ids."""
    held_out: float = 0.05
    """Share of the text that is never trained on."""
    evaluations: int = 4
    """Times a run of `steps` steps is evaluated on all of the held-out text."""

    def replace(self, **changes: Any) -> "Recipe":
        """The recipe with some fields changed; None leaves a field as it is."""
        return dataclasses.replace(self, **{name: value for name, value in changes.items() if value is not None})


def recipe(name: str) -> Recipe:
    """The recipe of that name; ValueError with the nearest names for an unknown one."""
    known = {recipe.name: recipe for recipe in RECIPES}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        guess = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"recipe: wanted one of {', '.join(known)}, got {name!r}; {guess}`train --help` explains them")
    return known[name]


def _published(name: str, steps: int, learning_rate: float) -> Recipe:
    """Half a million tokens a step and the rates of GPT-3's table 2.1 for these sizes (arXiv 2005.14165)."""
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
    Recipe(
        "quick",
        GPT2Config(n_vocab=2048, n_ctx=128, n_embd=192, n_head=6, n_layer=4),
        steps=560,
        batch_size=16,
        optimizer="muon",
        learning_rate=1e-2,
        adam_learning_rate=1e-2,
        warmup=20,
        half_context=0.7,
        weight_decay=0.05,
        zero_output=True,
        evaluations=2,
    ),
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
"""quick: minutes on two cores. small: seconds, for what nanoGPT's recipe for a processor learns of a megabyte of plays
in two minutes. tiny: to try things out. finetune: what starts from another model, gently. Others: the published shapes
on 10 billion tokens."""
