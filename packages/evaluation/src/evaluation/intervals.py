"""How far a score can be trusted, and whether two differ: the bootstrap, Wilson's interval and the exact sign test.

They ask only that the units (documents, questions) are a sample; nothing is assumed about how their scores spread.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb

import torch
from jaxtyping import Float
from torch import Tensor

from tensors import generator

RESAMPLES = 2000
MOST_COMPARED = 10**7
NORMAL = 1.959963984540054
"""The 97.5 % point of the normal distribution."""
Numbers = Sequence[float] | Sequence[int]


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval; no interval (None) where there are fewer than two units."""

    value: float
    low: float | None
    high: float | None

    def map(self, function: Callable[[float], float]) -> "Estimate":
        """The estimate of a rising function of the value, such as `exp`."""
        low = None if self.low is None else function(self.low)
        return Estimate(function(self.value), low, None if self.high is None else function(self.high))


@dataclass(frozen=True)
class Comparison:
    """Two models on the same units: both values, first minus second, and how many units each of them wins.

    `p_value` is that of the exact sign test: the probability that units which tell the models apart fall at least so
    unevenly if each were a coin toss. On right and wrong answers it is McNemar's exact test.
    """

    first: Estimate
    second: Estimate
    difference: Estimate
    first_higher: int
    second_higher: int
    ties: int
    p_value: float


def estimate(values: Numbers, weights: Numbers | None = None, *, seed: int = 0) -> Estimate:
    """sum(values) / sum(weights), weights 1 by default, with the percentile bootstrap's interval over the units.

    Efron 1979: draw as many units as there are, with replacement, 2,000 times; the middle 95 % of what comes out.
    The draws depend on `seed` and the number of units alone. Raises ValueError for no units or unequal lengths.
    """
    v, w = _units(values, weights)
    value = (v.sum() / w.sum()).item()
    if len(v) < 2:
        return Estimate(value, None, None)
    return Estimate(value, *_interval(_resampled(v, seed) / _resampled(w, seed)))


def share(right: Sequence[bool]) -> Estimate:
    """The share of units that are right, with Wilson's interval (1927, equation 1): the shares of which what was found
    is at most 1.96 deviations away. It is no point where all or none are right, and serves from one unit on. Raises
    ValueError for no units."""
    n = len(right)
    if not n:
        raise ValueError("wanted at least one unit, got none; check the data")
    value, spread = sum(right) / n, NORMAL**2 / n
    middle = (value + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (value * (1 - value) + spread / 4)) / (1 + spread)
    return Estimate(value, max(0.0, middle - half), min(1.0, middle + half))


def mean_estimate(values: Numbers) -> Estimate:
    """The mean with Student's 95 % interval, for few units whose values spread about normally, such as runs that
    differ in their seed: of five units the bootstrap's interval would be a third too narrow."""
    v, _ = _units(values, None)
    value, n = v.mean().item(), len(v)
    if n < 2:
        return Estimate(value, None, None)
    half = t_quantile(n - 1) * v.std().item() / math.sqrt(n)
    return Estimate(value, value - half, value + half)


def t_quantile(freedom: int, middle: float = 0.95) -> float:
    """The t that bounds the middle share of Student's distribution, by bisection of its integral.

    With t = sqrt(freedom) tan(a) the density is cos(a)^(freedom - 1) (Abramowitz and Stegun 26.7), over a finite range.
    """
    angles = torch.linspace(0, math.pi / 2, 20_001, dtype=torch.float64)
    heights = angles.cos() ** (freedom - 1)
    mass = torch.cat([angles.new_zeros(1), torch.cumulative_trapezoid(heights, angles)])
    place = int(torch.searchsorted(mass, middle * mass[-1]))
    share = (middle * mass[-1] - mass[place - 1]) / (mass[place] - mass[place - 1])
    angle = angles[place - 1] + share * (angles[place] - angles[place - 1])
    return math.sqrt(freedom) * math.tan(float(angle))


def compare_units(first: Numbers, second: Numbers, weights: Numbers | None = None, *, seed: int = 0) -> Comparison:
    """Paired comparison: unit i of `first` and of `second` is the same text or question, and is drawn for both."""
    a, w = _units(first, weights)
    b, _ = _units(second, weights)
    if len(a) != len(b):
        raise ValueError(f"wanted the same units twice, got {len(a)} and {len(b)}; score both models on one set")
    higher, lower = int((a > b).sum()), int((a < b).sum())
    return Comparison(
        estimate(first, weights, seed=seed),
        estimate(second, weights, seed=seed),
        estimate((a - b).tolist(), w.tolist(), seed=seed),
        higher,
        lower,
        len(a) - higher - lower,
        sign_test(higher, lower),
    )


def sign_test(wins: int, losses: int) -> float:
    """Two-sided exact p-value of so many wins and losses if both are equally likely; 1 if there are none.

    Above 1,000 of them it is summed in float64, right to six digits. ValueError below 0 and above 10 million."""
    n, k = wins + losses, min(wins, losses)
    if k < 0 or n > MOST_COMPARED:
        raise ValueError(f"wanted 0 to {MOST_COMPARED:,} wins and losses, got {wins} and {losses}; count units")
    if n <= 1_000:
        return min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n)
    i = torch.arange(k + 1, dtype=torch.float64)
    whole = math.lgamma(n + 1) - n * math.log(2)
    tail = torch.logsumexp(whole - torch.lgamma(i + 1) - torch.lgamma(n - i + 1), 0)
    return min(1.0, 2 * math.exp(float(tail)))


def _units(values: Numbers, weights: Numbers | None) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"]]:
    try:
        v = torch.tensor(values, dtype=torch.float64)
        w = torch.ones_like(v) if weights is None else torch.tensor(weights, dtype=torch.float64)
    except OverflowError as error:
        raise ValueError(f"wanted numbers that a float holds, got a larger one ({error}); check the data") from None
    if v.ndim != 1 or w.ndim != 1 or len(v) == 0 or len(v) != len(w):
        raise ValueError(
            f"wanted at least one unit and a weight for each, got values of shape {[*v.shape]} and "
            f"weights of {[*w.shape]}; check the data"
        )
    return v, w


def _resampled(values: Float[Tensor, " N"], seed: int) -> Float[Tensor, " R"]:
    """Sums over resamples; the same seed and number of units draw the same ones."""
    draws, n = generator("bootstrap", seed), len(values)
    at_once = max(1, 2**20 // n)
    sums = [
        values[torch.randint(n, (min(at_once, RESAMPLES - start), n), generator=draws)].sum(1)
        for start in range(0, RESAMPLES, at_once)
    ]
    return torch.cat(sums)


def _interval(samples: Float[Tensor, " R"]) -> tuple[float, float]:
    low, high = samples.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high
