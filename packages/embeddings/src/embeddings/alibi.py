"""ALiBi: no position vectors at all; a score simply loses a little for every step of distance."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor


def alibi_slopes(n_head: int) -> Float[Tensor, " H"]:
    """What each head subtracts per step of distance: 2^(-8/H), 2^(-16/H), ... 2^-8.

    For a number of heads that is no power of two: the slopes of the power below, then every other slope of the power
    above, as the authors do (Press et al. 2022; ofirpress/attention_with_linear_biases fairseq/models/transformer.py).
    """
    if n_head < 1:
        raise ValueError(f"wanted n_head of at least 1, got {n_head}; pass the number of attention heads")
    below = 2 ** math.floor(math.log2(n_head))
    return torch.cat([geometric(below), geometric(2 * below)[::2][: n_head - below]])


def geometric(n_head: int) -> Tensor:
    return 2.0 ** (-8.0 / n_head * torch.arange(1, n_head + 1))


def alibi_bias(n_head: int, queries: Int[Tensor, "... T"], keys: Int[Tensor, "... S"]) -> Float[Tensor, "... H T S"]:
    """What to add to the scores before softmax: minus slope times distance, for query and key positions.

    Zero where a query looks at itself; the causal mask is not part of it, and later keys lose as much as earlier ones.
    """
    distance = (queries[..., :, None] - keys[..., None, :]).abs()
    return -alibi_slopes(n_head).to(distance.device)[:, None, None] * distance[..., None, :, :]
