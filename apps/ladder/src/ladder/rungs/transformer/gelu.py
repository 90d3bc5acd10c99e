"""The bend between two matrices.

Two matrix products in a row are one matrix product: without something bent between them, a deep network could do no
more than a flat one. ReLU is the simplest bend: negative numbers become 0. But a unit that is negative for every input
then never gets a gradient again. GELU is smooth: it multiplies x by the probability that a random number (normal, mean
0) is below x.

That probability needs the error function, which was slow when GPT-2 was made, so it uses a formula that comes close.
Its weights were trained with this one, and give other words with another:

    0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³)))

Write `gelu`, in GPT-2's form.
"""

import math

import torch
from torch import Tensor

# without: gelu GELU


def gelu(x: Tensor) -> Tensor:
    """GPT-2's GELU of each number."""
    # hole
    # hint: What is inside of tanh first; torch.tanh takes a tensor.
    # hint: inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    # hint: 0.5 * x * (1 + torch.tanh(inner))
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    share = 0.5 * (1 + torch.tanh(inner))
    return x * share
    # end
