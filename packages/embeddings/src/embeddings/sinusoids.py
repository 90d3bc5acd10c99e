"""Positions as sines and cosines of many wavelengths: nothing to learn, and no last position."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor


def inverse_wavelengths(n_channels: int, base: float = 10_000.0) -> Float[Tensor, " R"]:
    """Radians per position of each of the R = n_channels / 2 pairs, base^(-2i / n_channels): 1 down to nearly 1/base.

    ValueError for an odd number of channels.
    """
    if n_channels < 2 or n_channels % 2 or base <= 1:
        raise ValueError(
            f"wanted an even number of channels, at least 2, and a base above 1, got {n_channels} and {base}; "
            "channels turn in pairs, sine beside cosine: add or drop one"
        )
    return 1.0 / base ** (torch.arange(0, n_channels, 2, dtype=torch.float32) / n_channels)


def wavelengths(n_channels: int, base: float = 10_000.0) -> Float[Tensor, " R"]:
    """Positions until each pair of channels repeats: from 2 pi to nearly 2 pi base."""
    return 2 * math.pi / inverse_wavelengths(n_channels, base)


def sinusoidal_positions(
    positions: Int[Tensor, "... T"], n_embd: int, *, base: float = 10_000.0
) -> Float[Tensor, "... T C"]:
    """Channel 2i is sin(p / base^(2i / n_embd)), channel 2i + 1 the cosine (Vaswani et al. 2017, section 3.5).

    Computed in float32. ValueError for an odd `n_embd`.
    """
    angles = positions[..., None] * inverse_wavelengths(n_embd, base).to(positions.device)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
