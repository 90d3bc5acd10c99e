"""The equation of attention.

Each token has a query (what it looks for), a key (what it offers) and a value (what it says). How well query and key
fit is their product; softmax makes shares of these scores; out comes the mean of the values, weighted by the shares:

    softmax(q k^T / sqrt(D)) v

Why sqrt(D)? A product of two random vectors adds up D terms, so its variance is D, and its typical size sqrt(D).
Undivided, softmax would give nearly everything to one token, and hardly any gradient to the others.

What the mask hides gets no share at all. A query that may look at nothing gives zeros (not NaN).

Write `attend`. It must work for any numbers: scores of a thousand, half precision.
"""

import torch
from torch import Tensor

# without: scaled_dot_product_attention MultiheadAttention multi_head_attention_forward


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """q [B, H, T, D]; k, v [B, H, S, D]; mask None or bool, True where it may look, fit to [B, H, T, S]."""
    # hole
    # hint: Scores are q @ k.transpose(-2, -1), divided by the root of the last size of q; shares are softmax over keys.
    # hint: Before the softmax, hidden scores become very low: scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    # hint: After it, multiply the shares by the mask: where all is hidden they were equal, and become 0.
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    shares = scores.softmax(dim=-1)
    if mask is not None:
        shares = shares * mask
    return shares @ v
    # end
