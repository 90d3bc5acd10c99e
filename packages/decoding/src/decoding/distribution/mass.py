"""The fewest items, taken from the largest score down, whose weights reach a given sum: what top-p is made of."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

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
    if sorting_is_quick(scores):
        return smallest_set_reference(scores, weights, mass, keep)
    bucket, border, inside = border_bucket(scores, weights, mass)
    kept = bucket > border
    kept[inside.rows, inside.columns] = inside.kept
    return kept if keep == 1 else kept.scatter(-1, scores.topk(keep).indices, True)


def smallest_kept(
    scores: Float[Tensor, "B V"], weights: Float[Tensor, "B V"], mass: float
) -> tuple[Float[Tensor, "B 1"], tuple[Int[Tensor, " N"], Int[Tensor, " N"]]]:
    """The smallest score in each row's `smallest_set`, and the rows and columns of items that have it and are not in
    the set: a bar, and what is left out although it reaches the bar."""
    if sorting_is_quick(scores):
        kept = smallest_set_reference(scores, weights, mass)
        smallest = torch.where(kept, scores, torch.inf).amin(dim=-1, keepdim=True)
        rows, columns = ((scores == smallest) & ~kept).nonzero(as_tuple=True)
        return smallest, (rows, columns)
    inside = border_bucket(scores, weights, mass)[2]
    tied = (scores[inside.rows, inside.columns] == inside.smallest[inside.rows, 0]) & ~inside.kept
    return inside.smallest, (inside.rows[tied], inside.columns[tied])


def sorting_is_quick(scores: Tensor) -> bool:
    return scores.shape[-1] <= BUCKETS or scores.device.type != "cpu"


class Members(NamedTuple):
    """Items of all rows that lie in the bucket of their row's border, whether they belong to the smallest set, and the
    smallest score that does in each row."""

    rows: Int[Tensor, " M"]
    columns: Int[Tensor, " M"]
    kept: Bool[Tensor, " M"]
    smallest: Float[Tensor, "B 1"]


def border_bucket(
    scores: Float[Tensor, "B V"], weights: Float[Tensor, "B V"], mass: float
) -> tuple[Int[Tensor, "B V"], Int[Tensor, "B 1"], Members]:
    """The bucket of every item, the one in which each row's border lies (those above it are kept, those below not),
    and what is in it, of which the largest item at least is kept."""
    low = scores.amin(dim=-1, keepdim=True)
    if not low.isfinite().all():
        low = scores.nan_to_num(neginf=torch.inf).amin(dim=-1, keepdim=True)
    high = scores.amax(dim=-1, keepdim=True)
    width = ((high - low) / (BUCKETS - 1)).clamp(min=1e-30)
    bucket = (scores - low).div_(width).clamp_(0, BUCKETS - 1).to(torch.int64)
    highest = ((high - low) / width).clamp(0, BUCKETS - 1).to(torch.int64)
    sums = torch.zeros(len(scores), BUCKETS, dtype=torch.float64).scatter_add_(1, bucket, weights.double())
    below = sums.cumsum(dim=-1)
    border = (below <= 1 - mass).sum(dim=-1, keepdim=True).minimum(highest)
    before = (below - sums).gather(1, border)
    return bucket, border, members(scores, weights, bucket == border, before, 1 - mass)


def members(
    scores: Float[Tensor, "B V"],
    weights: Float[Tensor, "B V"],
    inside: Bool[Tensor, "B V"],
    before: Float[Tensor, "B 1"],
    bar: float,
) -> Members:
    """Of the items `inside`, those are kept whose weight, with all of smaller ones and `before`, is above `bar`."""
    rows, columns = inside.nonzero(as_tuple=True)
    counts = torch.bincount(rows, minlength=len(scores))
    place = torch.arange(len(rows)) - (counts.cumsum(0) - counts)[rows]  # of an item among those of its row
    shape = len(scores), int(counts.max())
    # What fills up the rows weighs nothing and comes last.
    side_by_side = scores.new_full(shape, torch.inf).index_put((rows, place), scores[rows, columns])
    weighing = torch.zeros(shape, dtype=torch.float64).index_put((rows, place), weights[rows, columns].double())
    ordered, order = side_by_side.sort(dim=-1, stable=True)
    kept = weighing.gather(1, order).cumsum(dim=-1) + before > bar
    kept |= one_hot(counts - 1, shape[1]).bool()
    smallest = ordered.masked_fill(~kept, torch.inf).amin(dim=-1, keepdim=True)
    return Members(rows, columns, torch.zeros_like(kept).scatter(1, order, kept)[rows, place], smallest)
