"""Sparse patterns: masks that show few keys to each query, so that a long text costs less. All look both ways; with
`causal() &` they look back only."""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from .algebra import Mask


@dataclass(frozen=True)
class SlidingWindow(Mask):
    n: int

    @property
    def reach(self) -> tuple[int | float, int | float]:  # type: ignore[override]
        return self.n - 1, self.n - 1

    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        distance = queries - keys
        return (distance < self.n) & (distance > -self.n)

    def __repr__(self) -> str:
        return f"sliding_window({self.n})"

    def describe(self) -> str:
        return f"keys less than {self.n} places away"


@dataclass(frozen=True)
class Dilated(Mask):
    step: int

    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        return (queries - keys) % self.step == 0

    def __repr__(self) -> str:
        return f"dilated({self.step})"

    def describe(self) -> str:
        return f"keys a multiple of {self.step} places away"


@dataclass(frozen=True)
class GlobalTokens(Mask):
    places: tuple[int, ...]

    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        return reduce(or_, ((queries == place) | (keys == place) for place in self.places))

    def __repr__(self) -> str:
        return f"global_tokens({', '.join(map(str, self.places))})"

    def describe(self) -> str:
        return f"the keys at {list(self.places)}, and every key if it stands there itself"


def sliding_window(n: int) -> Mask:
    """A query sees the keys less than `n` places away, itself included: with `causal() &` the last `n` tokens, and 2 n
    - 1 of them otherwise (Beltagy et al. 2020, section 3.1)."""
    return SlidingWindow(at_least_one("a window", n))


def dilated(step: int) -> Mask:
    """A query sees the keys whose distance `step` divides; `sliding_window(n) & dilated(step)` is a window with gaps
    (Beltagy et al. 2020, section 3.1)."""
    return Dilated(at_least_one("a step", step))


def global_tokens(*places: int) -> Mask:
    """The tokens at `places` see every key and are seen by every query, as a summary token is (Beltagy et al. 2020,
    section 3.1); `sliding_window(n) | global_tokens(0)` joins them to a window."""
    if not places or min(places) < 0:
        raise ValueError(
            f"wanted one or more places from 0 on; got {list(places)}; name the tokens that see everything"
        )
    return GlobalTokens(places)


def strided(stride: int) -> Mask:
    """The near keys and every `stride`-th one: `sliding_window(stride) | dilated(stride)`, so that any token is two
    looks away from any other (Child et al. 2019, section 4.2)."""
    return sliding_window(stride) | dilated(stride)


def at_least_one(what: str, n: int) -> int:
    if n < 1:
        raise ValueError(f"wanted {what} of 1 or more places; got {n}; a token always sees itself")
    return n
