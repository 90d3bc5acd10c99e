"""Checks of the rungs about writing."""

import itertools
import math
from typing import Any

import torch

from .comparing import agree


def probabilities_of(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """As asked for."""
    if temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(), len(logits)).float()
    return ((logits.double() - logits.double().max()) / temperature).softmax(-1).float()


def temperature(mine: Any) -> None:
    """From hot to 0."""
    low = -math.inf
    for numbers, t in (
        ([0.0, 1.0], 1.0),
        ([0.0, 1.0], 2.0),
        ([0.0, 1.0], 0.5),
        ([0.0, 3.0, 1.0], 0.0),
        ([2.0, 2.0], 0.0),
        ([1.0, low], 0.7),
        ([low, 5.0, 4.0], 0.0),
        ([300.0, 100.0], 1e-37),
        ([1e4, 9999.0, 0.0], 1.0),
    ):
        logits = torch.tensor(numbers)
        plain, wanted = logits.softmax(-1), probabilities_of(logits, t)
        shared = (logits == logits.max()).float() / (logits == logits.max()).sum()
        slips = {
            "equally large logits share at temperature 0: it is the first that gets all": shared if t == 0 else wanted,
            "the logits are multiplied by the temperature": (logits * t).softmax(-1),
            "the temperature divides probabilities, not logits": plain / t if t else plain,
            "the temperature is not used": plain,
            "something is divided by 0": torch.full_like(logits, math.nan) if t == 0 else wanted,
            "logits over a tiny temperature are infinite: subtract the largest first": (logits / t).softmax(-1)
            if t
            else wanted,
            "the largest logit gets all at every temperature": probabilities_of(logits, 0.0),
        }
        agree(
            "softmax of logits over temperature; at 0 all for the largest",
            f"probabilities({numbers}, {t})",
            lambda: mine.probabilities(logits, t),
            wanted,
            {k: v for k, v in slips.items() if not torch.equal(v, wanted)},
        )


def top_p(mine: Any) -> None:
    """The line, walked along in small steps of u."""
    for shares, p in (
        ([1.0], 1.0),
        ([0.25, 0.75], 1.0),
        ([0.25, 0.75], 0.5),
        ([0.5, 0.3, 0.2], 0.6),
        ([0.2, 0.3, 0.5], 0.5),
        ([0.25, 0.25, 0.5], 0.75),
        ([0.1, 0.4, 0.0, 0.5], 1.0),
        ([0.25, 0.25, 0.25, 0.25], 0.5),
    ):
        for u in (0.0, 0.1, 0.3, 0.45, 0.55, 0.7, 0.9, 0.99):
            ids = sorted(range(len(shares)), key=lambda i: (-shares[i], i))
            before = list(itertools.accumulate([0.0, *(shares[i] for i in ids)]))
            kept = [i for i, s in zip(ids, before, strict=False) if s < p - 1e-9]
            wanted = _fall(kept, shares, u)
            no_crossing = [i for i, s in zip(ids, before[1:], strict=True) if s <= p + 1e-9] or ids[:1]
            dropped = [i for i, s in zip(ids, before[1:], strict=True) if s < p - 1e-9] or ids[:1]
            by_id = [i for i in range(len(shares)) if i in kept]
            slips = {
                "the likeliest always comes": ids[0],
                "the token that reaches p is dropped": _fall(dropped, shares, u),
                "a token that passes p is dropped; it should be kept, since only with it p is reached": _fall(
                    no_crossing, shares, u
                ),
                "nothing is left out": _fall(ids, shares, u),
                "u is not measured on the sum of what was kept": _fall(kept, shares, u, length=1.0),
                "the kept are not laid out from the likeliest on": _fall(by_id, shares, u),
                "the place in the sorted list comes out, not the id": kept.index(wanted),
            }
            agree(
                "u falls on a token among the fewest that reach p",
                f"draw({shares}, p={p}, u={u})",
                lambda: mine.draw(torch.tensor(shares), p, u),
                wanted,
                {k: v for k, v in slips.items() if v != wanted},
            )

    nearly = math.nextafter(1.0, 0.0)
    agree(
        "the last that is kept has all up to the end of the line",
        f"draw([0.5, 0.3, 0.2], p=0.6, u={nearly})",
        lambda: mine.draw(torch.tensor([0.5, 0.3, 0.2]), 0.6, nearly),
        1,
        {"u times the sum is rounded to the sum, and falls behind all that were kept": 2},
    )


def _fall(ids: list[int], shares: list[float], u: float, length: float | None = None) -> int:
    whole = sum(shares[i] for i in ids) if length is None else length
    total = 0.0
    for i in ids:
        total += shares[i]
        if u * whole < total - 1e-12:
            return i
    return ids[-1]


TREES: list[dict[tuple[int, ...], tuple[float, float]]] = [
    {(): (0.6, 0.4), (0,): (0.55, 0.45), (1,): (0.05, 0.95), (1, 1): (0.3, 0.7)},
    {(): (0.6, 0.4), (0,): (0.51, 0.49), (1,): (0.6, 0.4), (0, 1): (0.99, 0.01), (1, 0): (0.6, 0.4)},
]


def beam_search(mine: Any) -> None:
    """With two trees of tokens: one in which greedy is wrong, one in which one beam has all that survives."""

    def step(text: list[int]) -> list[float]:
        first, *seen = text
        return [math.log(p) for p in TREES[first].get(tuple(seen), (0.5, 0.5))]

    for tree, n_beams, length in ((0, 1, 1), (0, 1, 2), (0, 2, 2), (1, 2, 3), (1, 1, 3), (0, 4, 3), (0, 3, 0)):
        wanted = _beams(step, [tree], n_beams, length)
        slips = {
            "the likeliest token is taken at each step, as with one beam": _beams(step, [tree], 1, length),
            "each beam keeps one continuation of its own": _own(step, [tree], n_beams, length),
            "of equal sums the later one is taken": _beams(step, [tree], n_beams, length, first=False),
            "the worst is kept, or comes out": _beams(step, [tree], n_beams, length, best=False),
            "probabilities are added up, not their logarithms": None,
            "the sum is divided by the length": (wanted[0], wanted[1] / max(1, length)),
            "the prompt is missing": (wanted[0][1:], wanted[1]),
        }
        agree(
            "the best continuations of all beams together go on",
            f"beam_search(step, [{tree}], n_beams={n_beams}, length={length})",
            lambda: mine.beam_search(step, [tree], n_beams, length),
            wanted,
            {k: v for k, v in slips.items() if v != wanted},
        )

    agree(
        "the probability of a long text is no 0: its logarithm is a sum",
        "beam_search(step, [0], n_beams=1, length=40), where every token has the logarithm -30",
        lambda: mine.beam_search(lambda text: [-30.0, -31.0], [0], 1, 40),
        ([0] * 41, -1200.0),
        {"probabilities are multiplied, and become 0": ([0] * 41, -math.inf)},
    )


def _beams(
    step: Any, prompt: list[int], n: int, length: int, best: bool = True, first: bool = True
) -> tuple[list[int], float]:
    beams = [(prompt, 0.0)]
    for _ in range(length):
        longer = [([*text, i], total + p) for text, total in beams for i, p in enumerate(step(text))]
        longer = longer if first else longer[::-1]
        beams = sorted(longer, key=lambda beam: -beam[1] if best else beam[1])[:n]
    return beams[0]


def _own(step: Any, prompt: list[int], n: int, length: int) -> tuple[list[int], float]:
    beams = [(prompt, 0.0)]
    for turn in range(length):
        longer = [
            sorted((([*text, i], total + p) for i, p in enumerate(step(text))), key=lambda b: -b[1])
            for text, total in beams
        ]
        beams = longer[0][:n] if turn == 0 else [one[0] for one in longer]
    return max(beams, key=lambda beam: beam[1])
