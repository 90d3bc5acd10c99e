"""Two recipes, paired: the same seed and the same text on both sides, so that what these do cancels out."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from evaluation import Estimate, mean_estimate

from .results import Result

FEW = 5
"""Pairs below which an answer is called early."""


@dataclass(frozen=True)
class Paired:
    """Second minus first, in bits per byte: below zero the second is better."""

    first: str
    second: str
    text: str | None
    """None: the mean over all texts of each seed."""
    pairs: int
    first_bits: float
    second_bits: float
    difference: Estimate
    """With the interval of Student's t over the seeds; none with one seed."""
    cpu_ratio: float
    """CPU seconds of the second over those of the first."""

    @property
    def verdict(self) -> str:
        """What the interval says, in words."""
        low, high = self.difference.low, self.difference.high
        if low is None or high is None:
            return "one pair says nothing of chance: run more seeds"
        if low <= 0 <= high:
            return "not distinguishable"
        return f"{self.second} is {'better' if high < 0 else 'worse'}"


def compare(results: Sequence[Result], first: str, second: str) -> list[Paired]:
    """The comparison for each text, and for all of them where there are several.

    ValueError for a name that no result has, for no pair at all, and where a text was not the same for both.
    """
    sides = {name: {(one.text, one.seed): one for one in results if one.recipe == name} for name in (first, second)}
    known = list(dict.fromkeys(one.recipe for one in results))
    for name in (first, second):
        if not sides[name]:
            raise ValueError(f"{name}: wanted a recipe of these results ({', '.join(known)}), got another; name one")
    if first == second:
        raise ValueError(f"{first}: wanted two recipes, got one twice; name another of {', '.join(known)}")
    a, b = sides[first], sides[second]
    pairs = [key for key in a if key in b and a[key].bits_per_byte is not None and b[key].bits_per_byte is not None]
    for name, side in sides.items():
        if all(one.bits_per_byte is None for one in side.values()):
            raise ValueError(f"{name}: wanted a run that reached its end, got {len(side)} failed; change the recipe")
    if not pairs:
        raise ValueError(
            f"{first} and {second}: wanted runs with the same text and seed, got none; run both in one plan"
        )
    for key in pairs:
        if a[key].fingerprint != b[key].fingerprint:
            raise ValueError(
                f"text {key[0]}: wanted the same for both recipes, got another for {second}; run both again"
            )
    by_text: dict[str, list[tuple[str, int]]] = defaultdict(list)
    by_seed: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for text, seed in pairs:
        by_text[text].append((text, seed))
        by_seed[seed].append((text, seed))
    found = [_paired(a, b, first, second, text, [[key] for key in keys]) for text, keys in by_text.items()]
    whole = [keys for keys in by_seed.values() if len(keys) == len(by_text)]
    return found if len(found) == 1 or not whole else [*found, _paired(a, b, first, second, None, whole)]


def compare_all(results: Sequence[Result], first: str) -> dict[str, list[Paired]]:
    """`compare` of every other recipe that has a pair with the first, by name. ValueError where none has."""
    found: dict[str, list[Paired]] = {}
    reason = ValueError(f"{first}: wanted results of another recipe to compare it with, got none; run one")
    for second in dict.fromkeys(one.recipe for one in results if one.recipe != first):
        try:
            found[second] = compare(results, first, second)
        except ValueError as error:
            reason = error
    if not found:
        raise reason
    return found


def _paired(a: Any, b: Any, first: str, second: str, text: str | None, units: list[list[tuple[str, int]]]) -> Paired:
    """units: the pairs that count as one, whose mean difference is one draw of chance."""
    means = [[fmean(side[key].bits_per_byte for key in keys) for keys in units] for side in (a, b)]
    spent = [sum(side[key].cpu_seconds for keys in units for key in keys) for side in (a, b)]
    return Paired(
        first,
        second,
        text,
        len(units),
        fmean(means[0]),
        fmean(means[1]),
        mean_estimate([late - early for early, late in zip(*means, strict=True)]),
        spent[1] / spent[0] if spent[0] else float("nan"),
    )
