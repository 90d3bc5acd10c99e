"""Keeping numbers in range.

Every layer adds to what came before, so numbers would grow from layer to layer, and with them the gradients. A layer
norm brings each token's vector back into range before a layer reads it: subtract the vector's mean, divide by its
standard deviation. After that two learned vectors, `weight` and `bias`, may stretch and move each channel again.

Each token is normed on its own, over its channels: what other tokens, or other texts of the batch, hold has no say. The
variance is the mean of the squared distances from the mean (divided by C, not by C - 1), and epsilon is added to it
before the root, so that a constant vector does not divide by zero.

Write `layer_norm`.
"""

from torch import Tensor

# without: layer_norm native_layer_norm LayerNorm group_norm GroupNorm


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float = 1e-5) -> Tensor:
    """x [..., C] with each vector normed, times weight [C], plus bias [C]."""
    # hole
    # hint: Mean and variance over the last axis, with keepdim=True so that they can be subtracted and divided by.
    # hint: variance = (x - mean).square().mean(dim=-1, keepdim=True); x.var() divides by C - 1 unless you forbid it.
    # hint: (x - mean) / (variance + epsilon).sqrt() * weight + bias
    mean = x.mean(dim=-1, keepdim=True)
    variance = (x - mean).square().mean(dim=-1, keepdim=True)
    return (x - mean) / (variance + epsilon).sqrt() * weight + bias
    # end
