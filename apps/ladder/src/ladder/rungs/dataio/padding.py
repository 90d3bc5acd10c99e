"""Texts of different lengths in one tensor.

Texts are not equally long, but a tensor has equally long rows. So shorter rows are filled up on the right, with a token
that means nothing, and a mask remembers which tokens are real. From then on every sum and every mean has to ask the
mask, or the model learns from filling.

Write `pad`, which gives the tokens [B, T] and the mask [B, T] (True where a token is real), and `masked_mean`, the mean
over the real tokens alone. A batch without any real token has the mean 0.
"""

import torch
from torch import Tensor


def pad(rows: list[list[int]], filling: int) -> tuple[Tensor, Tensor]:
    """Tokens [B, T] of the longest row's length, and a bool mask of the same shape. There is at least one row."""
    # hole
    # hint: The longest row says how wide the tensor is. A row may be empty.
    # hint: tokens = torch.full((len(rows), longest), filling); real = torch.zeros(..., dtype=torch.bool)
    # hint: For each row r: tokens[r, :len(row)] = torch.tensor(row), and real[r, :len(row)] = True.
    longest = max(len(row) for row in rows)
    tokens = torch.full((len(rows), longest), filling)
    real = torch.zeros(len(rows), longest, dtype=torch.bool)
    for r, row in enumerate(rows):
        tokens[r, : len(row)] = torch.tensor(row, dtype=torch.long)
        real[r, : len(row)] = True
    return tokens, real
    # end


def masked_mean(x: Tensor, real: Tensor) -> Tensor:
    """The mean of x, [B, T], over the places where `real` is True; 0 where there are none."""
    # hole
    # hint: A sum over the real ones, divided by how many they are.
    # hint: Multiplying by the mask keeps NaN and infinity of the filling: 0 * NaN is NaN. torch.where does not.
    # hint: torch.where(real, x, 0.0).sum() / real.sum().clamp(min=1)
    return torch.where(real, x, 0.0).sum() / real.sum().clamp(min=1)
    # end
