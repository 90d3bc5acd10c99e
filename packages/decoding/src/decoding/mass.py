"""The fewest items, taken from the largest score down, whose weights reach a given sum: what top-p is made of."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

BUCKETS = 2048
"""Bars tried at once. With fewer items than this, sorting is as quick."""


def smallest_set_reference(
    scores: Float[Tensor, "B V"], weights: Float[Tensor, "B V"], mass: float, keep: int = 1
) -> Bool[Tensor, "B V"]:
    """True for the items with the largest scores of each row, as few as have weights that sum to `mass` of the row's
    whole of 1, but at least `keep`. Of equal scores on the border those with higher indices are taken."""
    order = scores.argsort(dim=-1, stable=True)
    # The weight of an item and of all with smaller scores: where that is at most 1 - mass, the others reach `mass`.
    tail = weights.gather(-1, order).cumsum(dim=-1)
    kept = tail > 1 - mass
    kept[:, -keep:] = True
    return torch.zeros_like(kept).scatter(-1, order, kept)


def smallest_set(
    scores: Float[Tensor, "B V"], weights: Float[Tensor, "B V"], mass: float, keep: int = 1
) -> Bool[Tensor, "B V"]:
    """The same without sorting a whole vocabulary: weights are added up in buckets of the scores, so that only the
    bucket in which the border lies must be sorted. Sums are rounded in another order, that is all."""
    if scores.shape[-1] <= BUCKETS or scores.device.type != "cpu":
        return smallest_set_reference(scores, weights, mass, keep)
    low = scores.nan_to_num(neginf=torch.inf).amin(dim=-1, keepdim=True)
    width = ((scores.amax(dim=-1, keepdim=True) - low) / (BUCKETS - 1)).clamp(min=1e-30)
    bucket = ((scores - low) / width).clamp(0, BUCKETS - 1).to(torch.int64)
    sums = torch.zeros(len(scores), BUCKETS, dtype=torch.float64).scatter_add_(1, bucket, weights.double())
    below = sums.cumsum(dim=-1)
    border = (below <= 1 - mass).sum(dim=-1, keepdim=True).clamp(max=BUCKETS - 1)
    kept = bucket > border
    for row in range(len(scores)):
        members = (bucket[row] == border[row]).nonzero().squeeze(-1)
        order = scores[row, members].argsort(stable=True)
        before = below[row, border[row]] - sums[row, border[row]]
        tail = weights[row, members[order]].double().cumsum(dim=-1) + before
        kept[row, members[order]] = tail > 1 - mass
    return kept.scatter(-1, scores.topk(keep).indices, True)
