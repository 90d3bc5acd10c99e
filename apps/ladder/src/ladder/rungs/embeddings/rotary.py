"""Positions by turning.

What matters to attention is less where two tokens stand than how far apart. Rotary positions build that in: each pair
of channels of a query or a key is turned by an angle that grows with its position. The product of a query and a key
then depends on the difference of their angles alone, so on their distance, and no length changes.

With D channels and i = 0, ..., D/2 - 1, channels 2i and 2i + 1 are turned by the angle a = p / 10000^(2i / D):

    (x, y)  becomes  (x cos a - y sin a,  x sin a + y cos a)

Write `rotate` for vectors [..., T, D] at positions [T].
"""

import torch
from torch import Tensor


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    """x, [..., T, D] with D even, each token turned by its position."""
    # hole
    # hint: Angles [T, D/2]: positions[:, None] times 10000 ** (-torch.arange(0, D, 2) / D).
    # hint: The first of each pair is x[..., 0::2], the second x[..., 1::2].
    # hint: Turn both, then torch.stack((first, second), dim=-1).flatten(-2) puts the pairs together again.
    d = x.shape[-1]
    angles = positions[:, None] * 10000.0 ** (-torch.arange(0, d, 2) / d)
    first, second = x[..., 0::2], x[..., 1::2]
    turned = (first * angles.cos() - second * angles.sin(), first * angles.sin() + second * angles.cos())
    return torch.stack(turned, dim=-1).flatten(-2)
    # end
