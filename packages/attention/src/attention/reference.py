"""Scaled dot-product attention as the paper writes it: the specification that the fast path is held to."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .kernels.grouped import check_groups, repeat_heads


def attend_reference(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B G S D"],
    v: Float[Tensor, "B G S D"],
    mask: Bool[Tensor, "... T S"] | None = None,
    bias: Float[Tensor, "... T S"] | None = None,
) -> tuple[Float[Tensor, "B H T D"], Float[Tensor, "B H T S"]]:
    """softmax(q k^T / sqrt(D) + bias) v, with the weights (Vaswani et al. 2017, equation 1).

    `mask` is True where a query may look at a key; it and `bias` broadcast to [B, H, T, S]. With fewer key heads than
    query heads, each serves H / G neighboring query heads. A query that may look at nothing has
    weights of zero and gives zeros, forwards and backwards.
    """
    check_groups(q, k)
    k, v = repeat_heads(k, q.shape[1]), repeat_heads(v, q.shape[1])
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if bias is not None:
        scores = scores + bias
    if mask is None:
        weights = scores.softmax(dim=-1)
    else:
        # The lowest finite number, not -inf: a row of -inf would turn into NaN in the softmax and in its gradient.
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=-1).masked_fill(~mask, 0.0)
    return weights @ v, weights
