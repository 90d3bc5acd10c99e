"""Checks of the rungs about scores."""

import math
import random
from typing import Any

import torch
from torch.nn import functional

from .comparing import agree, called, refuse


def loss(mine: Any) -> None:
    """Against torch's cross-entropy."""
    cases = [
        ([[[0.0, 0.0]]], [[0]]),
        ([[[1.0, 3.0, 0.0]]], [[1]]),
        ([[[1.0, 2.0], [3.0, 0.0]]], [[0, -100]]),
        ([[[1.0, 2.0], [0.5, 0.0]], [[0.0, 1.0], [4.0, 0.0]]], [[0, 1], [-1, 0]]),
    ]
    for numbers, wanted_ids in cases:
        logits, targets = torch.tensor(numbers), torch.tensor(wanted_ids)
        flat, ids = logits.flatten(0, 1), targets.flatten()
        real = ids >= 0
        nats = functional.cross_entropy(flat[real], ids[real], reduction="none")
        count = real.sum()
        every = functional.cross_entropy(flat, ids.clamp(min=0), reduction="none")
        over_rows = -flat.log_softmax(0)[torch.arange(len(flat)), ids.clamp(min=0)]
        slips: dict[str, Any] = {
            "the mean comes out, not the sum": (nats.mean(), count),
            "places with a negative target are counted in": (every.sum(), torch.tensor(len(ids))),
            "negative targets are not left out of the count": (nats.sum(), torch.tensor(len(ids))),
            "the logarithm is to the base 2": (nats.sum() / math.log(2), count),
            "the sign is wrong: a loss is not negative": (-nats.sum(), count),
            "softmax runs over the places, not over the tokens": (over_rows[real].sum(), count),
            "the logits are taken for log-probabilities": (-flat[real, ids[real]].sum(), count),
        }
        given = f"loss({numbers}, {wanted_ids})"
        got = called(given, lambda: mine.loss(logits, targets))
        if not isinstance(got, tuple) or len(got) != 2:
            refuse("a sum and a count come out", given, f"wanted     a pair\ngot        {type(got).__name__}")
        agree(
            "it is minus the logarithm of the target's probability, summed",
            given,
            lambda: tuple(torch.as_tensor(one) for one in got),
            (nats.sum(), count),
            slips,
        )
    big = torch.tensor([[[1000.0, 0.0]]])
    agree(
        "large logits stay finite",
        "loss([[[1000, 0]]], [[1]])",
        lambda: mine.loss(big, torch.tensor([[1]]))[0],
        torch.tensor(1000.0),
        {
            "exp is taken of the logits as they are": torch.tensor(math.inf),
            "exp is taken of the logits as they are, and overflows": torch.tensor(math.nan),
        },
    )
    logits = torch.tensor([[[1.0, 2.0, 0.5], [0.0, 1.0, 1.0]]], requires_grad=True)
    total, _ = mine.loss(logits, torch.tensor([[2, -1]]))
    if not isinstance(total, torch.Tensor) or not total.requires_grad:
        refuse(
            "the sum can be differentiated", "loss(logits, [[2, -1]]).backward()", "got        a number without graph"
        )
    (slope,) = torch.autograd.grad(total, logits)
    share = logits.detach()[0, 0].softmax(-1) - torch.tensor([0.0, 0.0, 1.0])
    agree(
        "its gradient is softmax minus 1 at the target",
        "the slope of loss(logits, [[2, -1]])",
        lambda: slope,
        torch.stack((share, torch.zeros(3)))[None],
    )


def bits_per_byte(mine: Any) -> None:
    """Texts with letters of one and of several bytes."""
    half = math.log(0.5)
    for logs, text in (([half], "a"), ([half, 2 * half], "abc"), ([half, half], "é"), ([-1.0, -2.0, -0.5], "naïve €")):
        nats, n = -sum(logs), len(text.encode())
        slips = {
            "letters are counted, not bytes": nats / math.log(2) / len(text),
            "nats are not turned into bits": nats / n,
            "the mean over tokens is divided by the bytes": nats / len(logs) / math.log(2) / n,
            "it is bits a token": nats / math.log(2) / len(logs),
            "it is multiplied by log(2)": nats * math.log(2) / n,
            "the sign is wrong": -nats / math.log(2) / n,
        }
        wanted = nats / math.log(2) / n
        agree(
            "total nats in bits, over bytes",
            f"bits_per_byte({[round(x, 3) for x in logs]}, {text!r})",
            lambda: mine.bits_per_byte(list(logs), text),
            wanted,
            {k: v for k, v in slips.items() if abs(v - wanted) > 1e-9},
        )


def perplexity(mine: Any) -> None:
    """With a score that tells how much was seen; each token must be judged once."""
    chance = random.Random(2)
    for n, n_ctx, stride in ((2, 4, 2), (4, 4, 2), (5, 4, 2), (5, 4, 3), (9, 4, 2), (10, 5, 1), (23, 8, 5)):
        ids = [chance.randrange(7) for _ in range(n)]
        windows: list[int] = []

        def score(window: list[int]) -> list[float]:
            windows.append(len(window))
            return [-1.0 / i - 0.1 * window[i] for i in range(1, len(window))]

        wanted = _perplexity(ids, n_ctx, stride)
        side = [(i, min(i + n_ctx, n)) for i in range(0, n, n_ctx)]
        slips = {
            "windows do not overlap": _mean([x for a, b in side for x in score(ids[a:b])]),
            "tokens that were judged before are judged again": _twice(ids, n_ctx, stride),
            "the sum is divided by all tokens, the first one included": math.exp(math.log(wanted) * (n - 1) / n),
            "it is not exp of the mean, but the mean": math.log(wanted),
            "exp of the sum comes out, not of the mean": math.exp(min(700.0, math.log(wanted) * (n - 1))),
            "the end of the text is left out": _perplexity(ids, n_ctx, stride, whole=True),
        }
        windows.clear()
        given = f"perplexity(score, {n} ids, n_ctx={n_ctx}, stride={stride})"
        agree(
            "each token but the first is judged once, by the first window that reaches it",
            given,
            lambda: mine.perplexity(score, ids, n_ctx, stride),
            wanted,
            {k: v for k, v in slips.items() if v is not None and abs(v - wanted) > 1e-9},
        )
        if windows and max(windows) > n_ctx:
            refuse("a window has n_ctx tokens at most", given, f"wanted     at most {n_ctx}\ngot        {max(windows)}")


def _value(ids: list[int], start: int, i: int) -> float:
    return -1.0 / (i - start) - 0.1 * ids[i]


def _mean(logs: list[float]) -> float | None:
    return math.exp(-sum(logs) / len(logs)) if logs else None


def _perplexity(ids: list[int], n_ctx: int, stride: int, whole: bool = False) -> float:
    total, judged, start = 0.0, 1, 0
    while judged < len(ids):
        stop = min(start + n_ctx, len(ids))
        if whole and start and start + n_ctx > len(ids):
            break
        total += sum(_value(ids, start, i) for i in range(judged, stop))
        judged, start = stop, start + stride
    return math.exp(-total / max(1, judged - 1))


def _twice(ids: list[int], n_ctx: int, stride: int) -> float | None:
    logs: list[float] = []
    for start in range(0, len(ids), stride):
        stop = min(start + n_ctx, len(ids))
        logs += [_value(ids, start, i) for i in range(start + 1, stop)]
        if stop == len(ids):
            break
    return _mean(logs)
