"""Four bits with less damage: scales that clip on purpose, and rounding that makes up for its own errors."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..packing import CENTER, group_of, nearest, pack

CLIPS = tuple(round(1.2 - 0.05 * step, 2) for step in range(15))
"""Shares of the largest weight of a group that become the end of its range; above 1 even the end is left unused."""


def best_scales(
    groups: Float[Tensor, "out groups size"], importance: Float[Tensor, "groups size"] | None = None
) -> Float[Tensor, "out groups"]:
    """For every group the scale with the least squared error, each weight's weighed by its input's mean square.

    Tried are `CLIPS` of the largest weight, on the negative side of the range, which reaches one step further, and on
    the positive one (AWQ's clipping search, Lin et al. 2024, arXiv 2306.00978, section 4; here with both signs).
    """
    weight = groups.new_ones(groups.shape[1:]) if importance is None else importance
    largest = groups.gather(-1, groups.abs().argmax(-1, keepdim=True))[..., 0]
    best, least = largest / -CENTER, torch.full_like(largest, torch.inf)
    for clip in CLIPS:
        for end in (-CENTER, CENTER - 1):
            scale = clip * largest / end
            restored = (nearest(groups, scale).float() - CENTER) * scale[..., None]
            error = ((restored - groups).square() * weight).sum(-1)
            best = torch.where(error < least, scale, best)
            least = torch.minimum(error, least)
    return best


def clipped(
    weight: Float[Tensor, "out in"], group_size: int | None, moment: Float[Tensor, "in in"] | None = None
) -> dict[str, Tensor]:
    """Buffers of an int4 layer: every weight to the nearest step of its group's best scale."""
    size = group_of(weight.shape[1], group_size)
    groups = weight.float().unflatten(1, (-1, size))
    importance = None if moment is None else moment.diagonal().unflatten(0, (-1, size))
    scale = best_scales(groups, importance)
    return {"weight": pack(nearest(groups, scale).flatten(1)), "scale": scale}


def compensated(
    weight: Float[Tensor, "out in"],
    group_size: int | None,
    moment: Float[Tensor, "in in"],
    *,
    damping: float = 0.01,
    block: int = 128,
) -> dict[str, Tensor]:
    """Buffers of an int4 layer, rounded column by column; what a column loses, the columns after it make up for.

    With the inverse of the inputs' second moment, U its upper Cholesky factor, column i's error e changes the others
    by -e U[i, i:] / U[i, i] (GPTQ, Frantar et al. 2023, arXiv 2210.17323, algorithm 1). A group's scale is chosen when
    its turn comes, from what the weights have become. damping: share of the mean diagonal added to it, so that inputs
    that hardly vary make no trouble. block: columns after which the rest is brought up to date.
    """
    size = group_of(weight.shape[1], group_size)
    remaining, factor = weight.float().clone(), inverse_factor(moment, damping)
    importance = moment.diagonal()
    columns, block = weight.shape[1], max(block // size, 1) * size
    whole = torch.empty_like(remaining, dtype=torch.uint8)
    scales = remaining.new_empty(len(weight), columns // size)
    for start in range(0, columns, block):
        end = min(start + block, columns)
        part, errors = remaining[:, start:end], remaining.new_empty(len(weight), end - start)
        for column in range(start, end):
            here = column - start
            if column % size == 0:
                group = part[:, here : here + size][:, None]
                scales[:, column // size] = best_scales(group, importance[None, column : column + size])[:, 0]
            scale = scales[:, column // size]
            whole[:, column] = nearest(part[:, here, None, None], scale[:, None])[:, 0, 0]
            restored = (whole[:, column].float() - CENTER) * scale
            errors[:, here] = (part[:, here] - restored) / factor[column, column]
            part[:, here + 1 :] -= errors[:, here, None] * factor[column, column + 1 : end]
        remaining[:, end:] -= errors @ factor[start:end, end:]
    return {"weight": pack(whole), "scale": scales}


def inverse_factor(moment: Float[Tensor, "in in"], damping: float) -> Float[Tensor, "in in"]:
    """Upper triangular U with Uᵀ U = (moment + damping)⁻¹, computed in float64."""
    wide = moment.double()
    mean = wide.diagonal().mean().clamp(min=torch.finfo(torch.float32).tiny)
    damped = wide + damping * mean * torch.eye(len(wide), dtype=wide.dtype, device=wide.device)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    return torch.linalg.cholesky(inverse, upper=True).float()
