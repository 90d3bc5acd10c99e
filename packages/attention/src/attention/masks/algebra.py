"""Masks as small rules about a (row, query, key) triple, combined with `&`, `|` and `~`.

A rule is asked with tensors (or plain ints) that broadcast, so the same rule answers for one pair and for a whole
batch. Queries are counted from the start of the text, not of the call: with a cache the first new query is number
`cache.lengths[row]`.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor


class Mask(ABC):
    """Which keys a query may look at.

    `n_rows` is the batch size that the mask speaks about and `n_places` the number of tokens, None for any. `reach` is
    how many places a query looks back and ahead at most: what lies outside need not be computed.
    """

    n_rows: int | None = None
    n_places: int | None = None
    reach: tuple[int | float, int | float] = (math.inf, math.inf)

    @abstractmethod
    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        """True where query number `queries` of batch row `rows` may look at key number `keys`; arguments broadcast."""

    def describe(self) -> str:
        """The keys that a query sees, in words; a rule of your own says its name unless it says more."""
        return f"what {type(self).__name__} shows"

    def __and__(self, other: Any) -> "Mask":
        return Both(self, _rule(self, "&", other))

    def __or__(self, other: Any) -> "Mask":
        return Either(self, _rule(self, "|", other))

    def __rand__(self, other: Any) -> "Mask":
        return Both(_rule(self, "&", other), self)

    def __ror__(self, other: Any) -> "Mask":
        return Either(_rule(self, "|", other), self)

    def __invert__(self) -> "Mask":
        return Not(self)

    def dense(
        self,
        batch: int,
        queries: Int[Tensor, "_ T"] | int,
        keys: Int[Tensor, "_ S"] | int,
        device: torch.device | str = "cpu",
    ) -> Bool[Tensor, "_ 1 T S"]:
        """The mask as a tensor [batch, 1, T, S], or [1, 1, T, S] where all rows are alike.

        `queries` and `keys` are their numbers, [batch, T] or [1, T], or a count T for 0 ... T - 1.
        ValueError when the mask was made for another number of rows or fewer tokens.
        """
        self.check_speaks_of(batch, *(n for n in (queries, keys) if isinstance(n, int)))
        queries, keys = (torch.arange(n, device=device)[None] if isinstance(n, int) else n for n in (queries, keys))
        rows = torch.arange(batch, device=device)[:, None, None, None]
        answer = self(rows, queries[:, None, :, None], keys[:, None, None, :])
        return answer.expand(-1, 1, queries.shape[-1], keys.shape[-1])

    def check_speaks_of(self, batch: int, *places: int) -> None:
        """ValueError when the mask was made for another number of rows than `batch`, or for fewer than `places`."""
        if self.n_rows is not None and self.n_rows != batch:
            raise ValueError(
                f"wanted a mask for a batch of {batch} rows; got {self}, made for {self.n_rows}; "
                "make the mask from the lengths of this batch"
            )
        if self.n_places is not None and max(places, default=0) > self.n_places:
            raise ValueError(
                f"wanted a mask for {max(places)} tokens a row; got {self}, made for {self.n_places}; "
                "make the mask from all tokens of this batch, those in the cache included"
            )

    def draw(self, queries: int, keys: int | None = None, *, row: int = 0) -> str:
        """A small picture: a line a query, a column a key, `x` where it may look and `.` where not."""
        keys = queries if keys is None else keys
        lines = [["x" if bool(self(row, q, k)) else "." for k in range(keys)] for q in range(queries)]
        return "\n".join(" ".join(line) for line in lines)


def _rule(mask: Mask, sign: str, other: Any) -> Mask:
    if isinstance(other, Mask):
        return other
    if isinstance(other, Tensor):
        got = f"a tensor {list(other.shape)} of {other.dtype}"
        cure = f"make the rule a tensor too: {mask}.dense(B, T, S) {sign} tensor"
    else:
        got, cure = repr(other), "call it first, as in causal()" if callable(other) else "make it a rule"
    raise TypeError(f"wanted a rule on both sides of {sign}; got {mask} {sign} {got}; {cure}")


@dataclass(frozen=True, eq=False)
class Combined(Mask):
    left: Mask
    right: Mask

    def __post_init__(self) -> None:
        if None not in (self.left.n_rows, self.right.n_rows) and self.left.n_rows != self.right.n_rows:
            raise ValueError(
                f"wanted masks for the same number of rows; got {self.left.n_rows} in {self.left} and "
                f"{self.right.n_rows} in {self.right}; make both from the lengths of one batch"
            )

    @property
    def n_rows(self) -> int | None:  # type: ignore[override]
        return self.right.n_rows if self.left.n_rows is None else self.left.n_rows

    @property
    def n_places(self) -> int | None:  # type: ignore[override]
        return min((n for n in (self.left.n_places, self.right.n_places) if n is not None), default=None)


class Both(Combined):
    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        return self.left(rows, queries, keys) & self.right(rows, queries, keys)

    def __repr__(self) -> str:
        return f"({self.left} & {self.right})"

    def describe(self) -> str:
        return f"({self.left.describe()} and {self.right.describe()})"

    @property
    def reach(self) -> tuple[int | float, int | float]:  # type: ignore[override]
        (back, ahead), (other_back, other_ahead) = self.left.reach, self.right.reach
        return min(back, other_back), min(ahead, other_ahead)


class Either(Combined):
    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        return self.left(rows, queries, keys) | self.right(rows, queries, keys)

    def __repr__(self) -> str:
        return f"({self.left} | {self.right})"

    def describe(self) -> str:
        return f"({self.left.describe()} or {self.right.describe()})"

    @property
    def reach(self) -> tuple[int | float, int | float]:  # type: ignore[override]
        (back, ahead), (other_back, other_ahead) = self.left.reach, self.right.reach
        return max(back, other_back), max(ahead, other_ahead)


@dataclass(frozen=True, eq=False)
class Not(Mask):
    inner: Mask

    @property
    def n_rows(self) -> int | None:  # type: ignore[override]
        return self.inner.n_rows

    @property
    def n_places(self) -> int | None:  # type: ignore[override]
        return self.inner.n_places

    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        answer = self.inner(rows, queries, keys)
        return ~answer if isinstance(answer, Tensor) else not answer

    def __repr__(self) -> str:
        return f"~{self.inner}"

    def describe(self) -> str:
        return f"everything but {self.inner.describe()}"
