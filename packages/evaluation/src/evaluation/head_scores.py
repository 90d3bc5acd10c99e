"""From final states to the log-probability of given tokens, without ever holding all logits.

Scoring needs one number of each row of logits, not 50,257. The vocabulary is walked in tiles that stay in the
CPU's cache, with a running log-sum-exp (Milakov and Gimelshein 2018, arXiv 1805.02867): less memory, and faster.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tensors import fast_linear

TILE = 4096
"""Columns of the vocabulary at a time."""
ROWS = 1024
"""States at a time: fewer read the weights more often; more gain nothing. A tile of logits has 16 MB."""


def score_head(
    state: Float[Tensor, "N C"], weight: Float[Tensor, "V C"], targets: Int[Tensor, " N"]
) -> tuple[Float[Tensor, " N"], Bool[Tensor, " N"]]:
    """-log softmax(state @ weight.T)[target] in nats, float32, and whether the target is the likeliest token."""
    parts = [
        _score_rows(state[start : start + ROWS], weight, targets[start : start + ROWS])
        for start in range(0, len(state), ROWS)
    ]
    if not parts:
        return state.new_zeros(0, dtype=torch.float32), targets.new_zeros(0, dtype=torch.bool)
    nats, likeliest = zip(*parts, strict=True)
    return torch.cat(nats), torch.cat(likeliest)


def _score_rows(
    state: Float[Tensor, "R C"], weight: Float[Tensor, "V C"], targets: Int[Tensor, " R"]
) -> tuple[Float[Tensor, " R"], Bool[Tensor, " R"]]:
    largest = torch.full((len(state),), -torch.inf, device=state.device)
    total, wanted = torch.zeros_like(largest), torch.zeros_like(largest)
    rows = torch.arange(len(state), device=state.device)
    for start in range(0, len(weight), TILE):
        logits = fast_linear(state, weight[start : start + TILE]).float()
        here = (targets >= start) & (targets < start + TILE)
        wanted = torch.where(here, logits[rows, (targets - start).clamp(0, logits.shape[1] - 1)], wanted)
        new_largest = torch.maximum(largest, logits.amax(1))
        total = total * (largest - new_largest).exp() + logits.sub_(new_largest[:, None]).exp_().sum(1)
        largest = new_largest
    return largest + total.log() - wanted, wanted == largest


def score_logits(
    logits: Float[Tensor, "N V"], targets: Int[Tensor, " N"]
) -> tuple[Float[Tensor, " N"], Bool[Tensor, " N"]]:
    """The same from logits that are there already: the readable definition, and the way of models without `hidden`."""
    wanted = logits.float().gather(1, targets[:, None])[:, 0]
    return logits.float().logsumexp(1) - wanted, wanted == logits.float().amax(1)


def score_states(
    state: Float[Tensor, "N C"], head: Callable[[Tensor], Tensor], targets: Int[Tensor, " N"], rows: int = 256
) -> tuple[Float[Tensor, " N"], Bool[Tensor, " N"]]:
    """The same for a head that is a function of states, whatever its weights are; `rows` of its logits at a time."""
    parts = [
        score_logits(head(part), target) for part, target in zip(state.split(rows), targets.split(rows), strict=True)
    ]
    nats, likeliest = zip(*parts, strict=True)
    return torch.cat(nats), torch.cat(likeliest)
