"""The feed-forward layer after one head has changed, for an eighth of its first product (in a model of eight heads).

A head writes through D columns only. The norm before the layer is linear but for its scale, so what the first product
makes of the changed stream is what it made before, scaled anew, and a product with those D columns: the same number.
What does not depend on the head is worked out once.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


def is_plain(block: Any) -> bool:
    """Whether the first product is one of floating-point weights without a gate, and nobody reads or edits inside."""
    feed_forward, norm = block.feed_forward, block.feed_forward_norm
    watched = [m for m in (*feed_forward.modules(), norm) if m._forward_hooks or m._forward_pre_hooks]
    return isinstance(feed_forward.up, nn.Linear) and feed_forward.gate is None and not watched


@dataclass(frozen=True)
class Unchanged:
    """A plain feed-forward layer on the stream as it was."""

    block: Any
    unscaled: Float[Tensor, "B T neurons"]
    """The neurons before GELU, without what the norm's bias and their own make of them, and before the norm's scale."""
    constant: Float[Tensor, " neurons"]
    """That."""
    weight: Float[Tensor, "neurons C"]
    """What reads the stream: the first product with the norm's gain, which takes the stream's mean away."""

    def after(
        self,
        stream: Float[Tensor, "B T C"],
        change: Float[Tensor, "B T D"],
        columns: Float[Tensor, "C D"],
    ) -> Float[Tensor, "B T C"]:
        """What the layer adds to `stream`, which is the one as it was and `change` through `columns`."""
        scale, feed_forward = scale_of(self.block, stream), self.block.feed_forward
        neurons = torch.addcmul(self.constant, self.unscaled, scale)
        neurons.flatten(0, 1).addmm_((change * scale).flatten(0, 1), (self.weight @ columns).T)
        out: Tensor = feed_forward.down(feed_forward.activate(neurons))
        return out


def unchanged(block: Any, stream: Float[Tensor, "B T C"], made: Float[Tensor, "B T neurons"]) -> Unchanged:
    """The layer of a block that `is_plain`. made: the neurons before GELU, of `stream`."""
    norm, up = block.feed_forward_norm, block.feed_forward.up
    weight = up.weight * norm.weight
    weight = weight - weight.mean(dim=1, keepdim=True)
    constant = up(norm.bias)
    return Unchanged(block, (made - constant) / scale_of(block, stream), constant, weight)


def scale_of(block: Any, stream: Float[Tensor, "B T C"]) -> Float[Tensor, "B T 1"]:
    """What the norm before the feed-forward layer multiplies the stream by."""
    norm = block.feed_forward_norm
    return torch.native_layer_norm(stream, [stream.shape[-1]], None, None, norm.eps)[2]
