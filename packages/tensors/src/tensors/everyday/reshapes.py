"""Reshapes with names, and indices as vectors: what a bare `view` does not say."""

import math

import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from .ragged import check_range


def split_axis(values: Shaped[Tensor, "*shape"], axis: int, *sizes: int) -> Shaped[Tensor, "*longer"]:
    """Cut one axis into several: (B, T, 12) with `axis=-1`, sizes 3, 4 becomes (B, T, 3, 4). One size may be -1.

    The last new axis runs fastest: old index = i * 4 + j. No number is moved.
    """
    if not -values.ndim <= axis < values.ndim:
        raise ValueError(f"wanted an axis of shape {tuple(values.shape)}, got {axis}; count from 0, or from the end")
    old = values.shape[axis]
    known, unknown = math.prod(size for size in sizes if size != -1), sizes.count(-1)
    positive = bool(sizes) and all(size > 0 or size == -1 for size in sizes)
    if not positive or unknown > 1 or (known != old if unknown == 0 else old % known):
        raise ValueError(
            f"wanted sizes whose product is the {old} of axis {axis} (one may be -1), got {sizes} for shape "
            f"{tuple(values.shape)}; choose divisors of {old}"
        )
    return values.unflatten(axis, sizes)


def merge_axes(values: Shaped[Tensor, "*shape"], first: int, last: int) -> Shaped[Tensor, "*shorter"]:
    """Join the neighboring axes `first` to `last`, the inverse of `split_axis`: (B, T, 3, 4) to (B, T, 12)."""
    axes = range(-values.ndim, values.ndim)
    if first not in axes or last not in axes or first % values.ndim >= last % values.ndim:
        raise ValueError(
            f"wanted first < last among the {values.ndim} axes of shape {tuple(values.shape)}, got {first} and {last}; "
            "use transpose to bring axes into order first"
        )
    return values.flatten(first, last)


def one_hot(
    ids: Int[Tensor, "*shape"], n_classes: int, dtype: torch.dtype = torch.float32
) -> Shaped[Tensor, "*shape {n_classes}"]:
    """Return 1 at each id's place and 0 elsewhere, on a new last axis. Ids run from 0 to `n_classes` - 1."""
    check_range(ids, 0, n_classes - 1, "ids")
    return (ids[..., None] == torch.arange(n_classes, device=ids.device)).to(dtype)
