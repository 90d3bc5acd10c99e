"""What is asked of logits, some rows at a time: a loss over 50,257 ids need never hold them all."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from gpt2 import GPT2

from ..adapted import product

CHUNK_BYTES = 32 * 2**20
"""Logits held at a time, as in `gpt2.head_cross_entropy`."""


def over_rows(
    model: GPT2, state: Float[Tensor, "N C"], ask: Callable[..., Tensor], *others: Tensor
) -> Float[Tensor, " N"]:
    """`ask(logits, *others)` of each row, where `logits` [n, V] in float32 are those of some rows of `state`, and
    `others` the same rows of tensors [N, ...]. Where a gradient is wanted the logits are computed once more for it."""
    rows = max(16, CHUNK_BYTES // (4 * model.n_vocab))
    parts = []
    for start in range(0, max(1, len(state)), rows):
        some = [tensor[start : start + rows] for tensor in (state, *others)]
        if torch.is_grad_enabled() and len(state) > rows:
            parts.append(checkpoint(_asked, model, ask, *some, use_reentrant=False, preserve_rng_state=False))
        else:
            parts.append(_asked(model, ask, *some))
    return torch.cat(parts)


def _asked(model: GPT2, ask: Callable[..., Tensor], state: Tensor, *others: Any) -> Tensor:
    return ask(logits_of(model, state), *others)


def logits_of(model: GPT2, state: Float[Tensor, "N C"]) -> Float[Tensor, "N V"]:
    """The logits after some states, in float32."""
    return product(model.token_embedding, state).float()


def log_probabilities_of(
    model: GPT2, state: Float[Tensor, "N C"], ids: Int[Tensor, " N"], temperature: float = 1.0
) -> Float[Tensor, " N"]:
    """The log-probability of one id after each state, drawn at a temperature."""

    def own(logits: Tensor, chosen: Tensor) -> Tensor:
        return (logits / temperature).log_softmax(-1).gather(1, chosen[:, None])[:, 0]

    return over_rows(model, state, own, ids)
