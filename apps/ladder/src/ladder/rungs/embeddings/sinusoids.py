"""Where a token stands, as waves.

Attention sees a set of tokens, not a row of them: "dog bites man" would be "man bites dog". So each position gets a
vector of its own, which is added to the token's. The first transformer made them of waves: each pair of channels is
the sine and the cosine of the position, the first pair in quick waves, the last one in very slow ones, like the hands
of a clock. One step forward is then the same rotation wherever one stands.

With C channels and i = 0, 1, ..., C/2 - 1, at position p:

    channel 2i      sin(p / 10000^(2i / C))
    channel 2i + 1  cos(p / 10000^(2i / C))

Write `sinusoids`: the vectors of any positions; C is even.
"""

import torch
from torch import Tensor


def sinusoids(positions: Tensor, n_embd: int) -> Tensor:
    """Vectors [..., C] of whole positions [...]."""
    # hole
    # hint: The speeds first: 10000 ** (-torch.arange(0, n_embd, 2) / n_embd), C/2 of them.
    # hint: Angles: positions[..., None] * speeds, of shape [..., C/2].
    # hint: torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2) puts sine and cosine in turns.
    speeds = 10000.0 ** (-torch.arange(0, n_embd, 2) / n_embd)
    angles = positions[..., None] * speeds
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)
    # end
