"""Weights as the whole numbers that a file holds: one a byte, or two of four bits."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from .reference import WholeNumbers, whole_numbers
from .schemes import Scheme

CENTER = 8
"""The four-bit number that stands for 0 where a layer has no `zero`."""


def packed_weights(weight: Float[Tensor, "out in"], scheme: Scheme) -> dict[str, Tensor]:
    """`weight`, `scale` and perhaps `zero` of a layer, each weight to the nearest; ValueError where they don't fit."""
    if scheme.name == "bfloat16":
        return {"weight": weight.to(torch.bfloat16)}
    if scheme.bits == 8:
        found = whole_numbers(weight, 8)
        return {"weight": found.whole.to(torch.int8), "scale": found.scale[:, 0]}
    return four_bits(weight, scheme.group_size)


def four_bits(weight: Float[Tensor, "out in"], group_size: int | None) -> dict[str, Tensor]:
    """Sixteen numbers, -8 to 7 times a scale, for every group; the largest of a group, with its sign, becomes -8.

    So the scale may be negative, and none of the sixteen is lost to symmetry (the idea is that of llama.cpp's q4_0).
    """
    size = group_of(weight.shape[1], group_size)
    groups = weight.float().reshape(len(weight), -1, size)
    largest = groups.gather(-1, groups.abs().argmax(-1, keepdim=True))[..., 0]
    scale = largest / -CENTER
    whole = nearest(groups, scale)
    return {"weight": pack(whole.reshape(weight.shape)), "scale": scale}


def nearest(groups: Float[Tensor, "out groups size"], scale: Float[Tensor, "out groups"]) -> UInt8[Tensor, "..."]:
    """The number of 0 to 15 nearest to each weight, for scales whose zero is 8."""
    whole = groups / torch.where(scale == 0, 1.0, scale)[..., None]
    return (whole.round().clamp(-CENTER, CENTER - 1) + CENTER).to(torch.uint8)


def group_of(columns: int, group_size: int | None) -> int:
    """Weights in a group of a row; ValueError where groups do not fill it, or bytes do not."""
    size = columns if group_size is None else group_size
    if columns % 2 or size % 2 or columns % size:
        raise ValueError(
            f"group_size: wanted an even divisor of the row's {columns} weights, got {size}; "
            f"choose another size, or int8 for this layer"
        )
    return size


def group_that_fits(columns: int, at_most: int) -> int:
    """The largest even divisor of an even row length that is at most so large."""
    return next(size for size in range(min(at_most, columns), 0, -1) if size % 2 == 0 and columns % size == 0)


def pack(whole: UInt8[Tensor, "out in"]) -> UInt8[Tensor, "out half"]:
    """Two numbers of four bits a byte: the even column below, the odd one above."""
    return whole[:, 0::2] | (whole[:, 1::2] << 4)


def unpack(packed: UInt8[Tensor, "out half"]) -> UInt8[Tensor, "out in"]:
    """What `pack` was given."""
    return torch.stack([packed & 15, packed >> 4], dim=-1).flatten(1)


def restored(weight: Tensor, scale: Tensor | None, zero: Tensor | None) -> Float[Tensor, "out in"]:
    """The weights of a layer in float32."""
    if scale is None:
        return weight.float()
    if weight.dtype == torch.int8:
        return weight * scale[:, None]
    center = torch.full_like(scale, CENTER, dtype=torch.int32) if zero is None else zero.to(torch.int32)
    whole = unpack(weight).to(torch.int32)
    return WholeNumbers(whole, scale, center, whole.shape[1] // scale.shape[1]).restored()
