"""Where learning begins.

If all weights began at 0, all units of a layer would get the same gradient and stay the same for ever. So they begin by
chance, and small: else the first logits would be sure of nonsense. GPT-2 draws them from a normal distribution:

    matrix, token   deviation 0.02
    position        deviation 0.01
    writer          deviation 0.02 / sqrt(2 * n_layer)
    bias            all 0
    gain            all 1 (the weight of a layer norm)

A "writer" is a matrix whose product is added to the stream. Each block has two, so 2 * n_layer random vectors add up
there; their variances add up, and dividing by the root keeps the stream as large as with one.

Draw with `torch.randn(..., generator=generator)`, and draw nothing for biases and gains: then the same seed gives the
same weights as ours.

Write `initial_weight`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def initial_weight(kind: str, shape: Sequence[int], n_layer: int, generator: torch.Generator) -> Tensor:
    """A tensor of that shape; `kind` is matrix, token, position, writer, bias or gain."""
    # hole
    # hint: Three cases that draw differently, and two that do not draw.
    # hint: torch.randn has a deviation of 1; multiply by the one that you want.
    # hint: torch.randn(*shape, generator=generator) * deviation; torch.zeros(*shape); torch.ones(*shape).
    if kind == "bias":
        return torch.zeros(*shape)
    if kind == "gain":
        return torch.ones(*shape)
    deviation = 0.02
    if kind == "position":
        deviation = 0.01
    elif kind == "writer":
        deviation = 0.02 / (2 * n_layer) ** 0.5
    return torch.randn(*shape, generator=generator) * deviation
    # end
