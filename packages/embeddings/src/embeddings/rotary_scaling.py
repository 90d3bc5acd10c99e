"""How rotary wavelengths stretch, so that a model reads texts longer than those it was trained on."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .sinusoids import inverse_wavelengths

# (rotated channels, base) -> (radians per position of each pair, factor on cosines and sines)
Frequencies = Callable[[int, float], tuple[Tensor, float]]


def unscaled(rotated: int, base: float) -> tuple[Tensor, float]:
    """As in training: no stretch."""
    return inverse_wavelengths(rotated, base), 1.0


def linear_scaling(factor: float) -> Frequencies:
    """Every wavelength `factor` times as long: position p turns as p / factor did (Chen et al. 2023, section 2.3)."""
    require_factor(factor)
    return lambda rotated, base: (inverse_wavelengths(rotated, base) / factor, 1.0)


def ntk_scaling(factor: float) -> Frequencies:
    """A larger base, so that the longest wavelength is `factor` times as long and the shortest stays.

    base' = base factor^(D / (D - 2)) (bloc97 2023, "NTK-aware scaled RoPE"; Peng et al. 2023, section 3.1).
    """
    require_factor(factor)

    def frequencies(rotated: int, base: float) -> tuple[Tensor, float]:
        if rotated == 2:
            raise ValueError("wanted at least 4 rotated channels, got 2; a single wavelength takes linear_scaling")
        return inverse_wavelengths(rotated, base * factor ** (rotated / (rotated - 2))), 1.0

    return frequencies


def yarn_scaling(factor: float, n_ctx: int, *, fast: float = 32.0, slow: float = 1.0) -> Frequencies:
    """Stretch only wavelengths that `n_ctx`, the length in training, did not show often enough.

    Pairs that turned more than `fast` times in n_ctx stay, those below `slow` times are stretched by `factor`, between
    them a ramp; attention grows sharper by 0.1 ln(factor) + 1 (Peng et al. 2023, "YaRN", sections 3.2 to 3.4).
    """
    require_factor(factor)
    if n_ctx < 1 or not 0 < slow < fast:
        raise ValueError(
            f"wanted n_ctx of at least 1 and 0 < slow < fast, got {n_ctx}, {slow}, {fast}; "
            "pass the context length of the training"
        )

    def frequencies(rotated: int, base: float) -> tuple[Tensor, float]:
        low = max(math.floor(pair_turning(fast, n_ctx, rotated, base)), 0)
        high = min(math.ceil(pair_turning(slow, n_ctx, rotated, base)), rotated - 1)
        pairs = torch.arange(rotated // 2, dtype=torch.float32)
        stretched = ((pairs - low) / max(high - low, 0.001)).clamp(0, 1)
        plain = inverse_wavelengths(rotated, base)
        return plain * (1 - stretched) + plain / factor * stretched, 0.1 * math.log(factor) + 1.0

    return frequencies


def pair_turning(times: float, n_ctx: int, rotated: int, base: float) -> float:
    """The (fractional) number of the pair that turns `times` times within n_ctx positions."""
    return rotated * math.log(n_ctx / (times * 2 * math.pi)) / (2 * math.log(base))


def require_factor(factor: float) -> None:
    if factor < 1:
        raise ValueError(f"wanted a factor of at least 1, got {factor}; it is the new length divided by the old one")
