"""How far a quantized model's predictions are from those of the model in float, token by token."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .calibration import evaluating


@dataclass(frozen=True)
class Divergence:
    """What changed over some tokens of text, each predicted given the true tokens before it."""

    nats: float
    """Kullback-Leibler divergence of the distributions, float first, mean per token: 0 is no change."""
    agreement: float
    """Share of tokens after which both hold the same next token for the likeliest."""
    tokens: int


def divergences(
    model: nn.Module, others: Mapping[str, nn.Module], rows: Iterable[Int[Tensor, " T"]]
) -> dict[str, Divergence]:
    """The divergence of each of `others` from `model` on rows of ids; each row goes through all models in turn, so that
    no more than two rows of logits exist at a time."""
    nats, same, tokens = dict.fromkeys(others, 0.0), dict.fromkeys(others, 0), 0
    with evaluating(model), torch.inference_mode():
        for row in rows:
            wanted = log_probabilities(model, row)
            tokens += len(wanted)
            for name, other in others.items():
                with evaluating(other):
                    got = log_probabilities(other, row)
                same[name] += int((got.argmax(-1) == wanted.argmax(-1)).sum())
                nats[name] += float(((wanted - got) * wanted.exp()).sum(-1).double().sum())
    if not tokens:
        raise ValueError("rows: wanted at least one row of ids, got none; give a longer text")
    return {name: Divergence(max(nats[name], 0.0) / tokens, same[name] / tokens, tokens) for name in others}


def log_probabilities(model: nn.Module, row: Int[Tensor, " T"]) -> Float[Tensor, "T V"]:
    logits: Tensor = model(row[None])[0]
    return logits.float().log_softmax(-1)
