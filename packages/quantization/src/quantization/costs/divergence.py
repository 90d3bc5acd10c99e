"""How far a quantized model's predictions are from those of the model in float, token by token."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from trainkit.evaluation import evaluating
from workbench import Progress, Whole, unwatched

TOKENS_PER_BATCH = 1024


@dataclass(frozen=True)
class Divergence:
    """What changed over some tokens of text, each predicted given the true tokens before it."""

    nats: float
    """Kullback-Leibler divergence of the distributions, float first, mean per token: 0 is no change."""
    agreement: float
    """Share of tokens after which both hold the same next token for the likeliest."""
    tokens: int


def divergences(
    model: nn.Module,
    others: Mapping[str, nn.Module],
    rows: Iterable[Int[Tensor, " _"]],
    *,
    progress: Progress = unwatched,
) -> dict[str, Divergence]:
    """The divergence of each of `others` from `model` on rows of ids; each batch of rows goes through all models in
    turn, so that no more than two batches of logits exist at a time. Every model's reading of a batch is a step of
    `progress`."""
    nats, same, tokens = dict.fromkeys(others, 0.0), dict.fromkeys(others, 0), 0
    groups = batches(list(rows))
    whole = Whole(len(groups) * (1 + len(others)), progress)
    with evaluating(model):
        for batch in groups:
            wanted = log_probabilities(model, batch)
            likeliest, weights = wanted.argmax(-1), wanted.exp()
            tokens += batch.numel()
            whole(1, 1)
            for name, other in others.items():
                with evaluating(other):
                    got = log_probabilities(other, batch)
                same[name] += int((got.argmax(-1) == likeliest).sum())
                nats[name] += float(((wanted - got) * weights).sum(-1).double().sum())
                whole(1, 1)
    if not tokens:
        raise ValueError("rows: wanted at least one row of ids, got none; give a longer text")
    return {name: Divergence(max(nats[name], 0.0) / tokens, same[name] / tokens, tokens) for name in others}


def batches(rows: Sequence[Int[Tensor, " _"]], tokens: int = TOKENS_PER_BATCH) -> list[Int[Tensor, "R T"]]:
    """Neighbours of the same length together, as long as they have no more than `tokens`: a row alone may."""
    groups: list[list[Tensor]] = []
    for row in rows:
        last = groups[-1] if groups else []
        if last and len(last[0]) == len(row) and (len(last) + 1) * len(row) <= tokens:
            last.append(row)
        else:
            groups.append([row])
    return [torch.stack(group) for group in groups]


def log_probabilities(model: nn.Module, batch: Int[Tensor, "R T"]) -> Float[Tensor, "R T V"]:
    logits: Tensor = model(batch)
    return logits.float().log_softmax(-1)
