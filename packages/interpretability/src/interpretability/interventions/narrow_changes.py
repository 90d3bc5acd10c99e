"""The feed-forward layer after one head has changed, for an eighth of its first product (in a model of eight heads).

A head writes through D columns only. The norm before the layer is linear but for its scale, so what the first product
makes of the changed stream is what it made before, scaled anew, and a product with those D columns: the same number.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


def is_plain(block: Any) -> bool:
    """Whether the first product is one of floating-point weights without a gate, and nobody reads or edits inside."""
    feed_forward, norm = block.feed_forward, block.feed_forward_norm
    watched = [m for m in (*feed_forward.modules(), norm) if m._forward_hooks or m._forward_pre_hooks]
    return isinstance(feed_forward.up, nn.Linear) and feed_forward.gate is None and not watched


def feed_forward_after(
    block: Any,
    before: Float[Tensor, "B T C"],
    made: Float[Tensor, "B T neurons"],
    stream: Float[Tensor, "B T C"],
    change: Float[Tensor, "B T D"],
    columns: Float[Tensor, "C D"],
) -> Float[Tensor, "B T C"]:
    """What the feed-forward layer adds to `stream`, which is `before` and `change` through `columns`.

    made: the neurons before GELU, of `before`.
    """
    norm, feed_forward = block.feed_forward_norm, block.feed_forward
    weight = feed_forward.up.weight * norm.weight
    weight = weight - weight.mean(dim=1, keepdim=True)  # which takes the stream's mean away
    constant = feed_forward.up(norm.bias)
    old, new = ((x.var(dim=-1, unbiased=False, keepdim=True) + norm.eps).sqrt() for x in (before, stream))
    through = (change / new).flatten(0, 1)
    neurons = torch.addmm(constant, through, (weight @ columns).T).view(made.shape)
    neurons.addcmul_(made - constant, old / new)
    out: Tensor = feed_forward.down(feed_forward.activate(neurons))
    return out
