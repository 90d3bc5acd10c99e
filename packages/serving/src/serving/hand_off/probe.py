"""What a model that was handed on is asked, so that one sees whether it is still the same."""

from dataclasses import dataclass

import numpy as np
import torch

from gpt2 import GPT2, Tokenizer

TEXT = (
    "The class statement's body: it\tisn't run 3 or 1,024 times.\n\n    def f(x):\r\n        return x ** 2  # “Größe”, "
    "naïve café, Жук, 数学, 🙂🙃,   and    spaces \n"
)
"""White space of every kind, contractions, digits, umlauts, curly quotes, and characters of two, three and four
bytes: what tokenizers that differ cut differently."""

CLOSE = {"float32": 1e-3, "float16": 1e-2, "int8": 0.1, "q8_0": 0.1}
"""By kind of weights: how far apart two logits of the same place may be, as a share of our logits' whole range. Wrong
weights are a few tenths apart and more."""


@dataclass(frozen=True)
class Agreement:
    """How two models agree on the ids of one text."""

    places: int
    """Places of the text."""
    same_choice: int
    """Places at which both find the same token likeliest."""
    largest_difference: float
    """Between a logit of one and that of the other."""


def probe_ids(model: GPT2, tokenizer: Tokenizer) -> list[int]:
    """The ids of `TEXT`, as many as fit into the model's context."""
    return tokenizer.encode(TEXT)[: model.n_ctx]


@torch.inference_mode()
def logits_of(model: GPT2, ids: list[int]) -> np.ndarray:
    """The model's logits behind each id: [T, V], float32."""
    return model(torch.tensor([ids]))[0].float().numpy()


def agreement(ours: np.ndarray, theirs: np.ndarray, close: float) -> Agreement:
    """Of two tables of logits [T, V]. close: how far apart they may be, as a share of the range of ours.

    Raises ValueError where the shapes differ, or a logit is further from ours.
    """
    if ours.shape != theirs.shape:
        raise ValueError(
            f"logits: wanted the shape {list(ours.shape)}, got {list(theirs.shape)}; that is another model"
        )
    same, off = int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum()), float(np.abs(ours - theirs).max())
    if not off <= close * (limit := float(np.ptp(ours))):
        raise ValueError(
            f"logits: wanted none further from the model's than {close * limit:.3g}, got one {off:.3g} away; do not "
            f"use what was written"
        )
    return Agreement(len(ours), same, off)
