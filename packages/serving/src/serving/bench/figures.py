"""What the turns of a server come to: medians, percentiles, and a table."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .driving import Turn

PERCENTS = (50, 90, 99)


@dataclass(frozen=True)
class Figures:
    """One server."""

    tokens_a_second: float
    """Median over its turns."""
    requests_a_second: float
    first: tuple[float, ...]
    """Milliseconds to the first text, at `PERCENTS`."""
    between: tuple[float, ...]
    """Milliseconds between two events of one answer, at `PERCENTS`; NaN where no answer had two."""
    statuses: dict[str, int]
    """Answers by their status; those that were cut short under "cut"."""


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent of all are not above (the nearest rank); NaN of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else float("nan")


def first_texts(turns: Sequence[Turn]) -> list[float]:
    """Milliseconds from sending a request to its first text."""
    return [1000 * answer.times[0] for turn in turns for answer in turn.good if answer.times]


def gaps(turns: Sequence[Turn]) -> list[float]:
    """Milliseconds between an answer's events."""
    return [1000 * (b - a) for turn in turns for answer in turn.good for a, b in pairwise(answer.times)]


def figures(turns: Sequence[Turn]) -> Figures:
    statuses = Counter(
        str(answer.status) if answer.status != 200 or answer.whole else "cut"
        for turn in turns
        for answer in turn.answers
    )
    return Figures(
        statistics.median(turn.tokens_a_second for turn in turns),
        statistics.median(len(turn.good) / turn.seconds for turn in turns),
        tuple(percentile(first_texts(turns), percent) for percent in PERCENTS),
        tuple(percentile(gaps(turns), percent) for percent in PERCENTS),
        dict(sorted(statuses.items())),
    )


def table(names: Sequence[str], found: Sequence[Sequence[Turn]]) -> list[str]:
    """Lines to print: a row for each server, and of two how the first does beside the second."""
    width = max(map(len, names))
    shown_percents = " / ".join(f"{percent} %" for percent in PERCENTS)
    heads = f"{'first text, ms':<22}  {'between texts, ms':<22}  answers"
    lines = [
        f"{'server':<{width}}  tokens/s  requests/s  {heads}",
        f"{'':<{width}}  {'median':>8}  {'median':>10}  {shown_percents:<22}  {shown_percents}",
    ]
    for name, turns in zip(names, found, strict=True):
        one = figures(turns)
        first, between = (" / ".join(f"{value:,.1f}" for value in values) for values in (one.first, one.between))
        answers = ", ".join(f"{status}: {count}" for status, count in one.statuses.items())
        rates = f"{one.tokens_a_second:>8,.1f}  {one.requests_a_second:>10,.2f}"
        lines.append(f"{name:<{width}}  {rates}  {first:<22}  {between:<22}  {answers}")
    if len(found) == 2:
        ratios = [a.tokens_a_second / b.tokens_a_second for a, b in zip(*found, strict=True)]
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        lines.append(
            f"{names[0]} writes {statistics.median(ratios):.2f} times the tokens of {names[1]} (turns: {each})"
        )
    return lines
