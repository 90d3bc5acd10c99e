"""Masks as small rules about a (row, query, key) triple, combined with `&`, `|` and `~`.

A rule is asked with tensors (or plain ints) that broadcast, so the same rule answers for one pair and for a whole
batch. Queries are counted from the start of the text, not of the call: with a cache the first new query is number
`cache.lengths[row]`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor


class Mask(ABC):
    """Which keys a query may look at. `n_rows` is the batch size that the mask speaks about, None for any."""

    n_rows: int | None = None

    @abstractmethod
    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        """True where query number `queries` of batch row `rows` may look at key number `keys`; arguments broadcast."""

    def __and__(self, other: "Mask") -> "Mask":
        return Both(self, other)

    def __or__(self, other: "Mask") -> "Mask":
        return Either(self, other)

    def __invert__(self) -> "Mask":
        return Not(self)

    def dense(
        self, batch: int, queries: Int[Tensor, "_ T"] | int, keys: int, device: torch.device | str = "cpu"
    ) -> Bool[Tensor, "_ 1 T S"]:
        """The mask as a tensor [batch, 1, T, keys], or [1, 1, T, keys] where all rows are alike.

        `queries` are the queries' numbers, [batch, T] or [1, T], or a count T for 0 ... T - 1.
        ValueError when the mask was made for another number of rows.
        """
        if self.n_rows is not None and self.n_rows != batch:
            raise ValueError(
                f"wanted a mask for a batch of {batch} rows; got {self}, made for {self.n_rows}; "
                "make the mask from the lengths of this batch"
            )
        if isinstance(queries, int):
            queries = torch.arange(queries, device=device)[None]
        rows = torch.arange(batch, device=device)[:, None, None, None]
        answer = self(rows, queries[:, None, :, None], torch.arange(keys, device=device))
        return answer.expand(-1, 1, queries.shape[-1], keys)


@dataclass(frozen=True)
class Causal(Mask):
    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        return keys <= queries

    def __repr__(self) -> str:
        return "causal()"


@dataclass(frozen=True, eq=False)
class Padding(Mask):
    lengths: Tensor

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        return len(self.lengths)

    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        device = rows.device if isinstance(rows, Tensor) else self.lengths.device
        return keys < self.lengths.to(device)[rows]

    def __repr__(self) -> str:
        return f"padding({self.lengths.tolist()})"


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


class Both(Combined):
    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        return self.left(rows, queries, keys) & self.right(rows, queries, keys)

    def __repr__(self) -> str:
        return f"({self.left} & {self.right})"


class Either(Combined):
    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        return self.left(rows, queries, keys) | self.right(rows, queries, keys)

    def __repr__(self) -> str:
        return f"({self.left} | {self.right})"


@dataclass(frozen=True, eq=False)
class Not(Mask):
    inner: Mask

    @property
    def n_rows(self) -> int | None:  # type: ignore[override]
        return self.inner.n_rows

    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        answer = self.inner(rows, queries, keys)
        return ~answer if isinstance(answer, Tensor) else not answer

    def __repr__(self) -> str:
        return f"~{self.inner}"


def causal() -> Mask:
    """A query sees the keys up to and including its own place."""
    return Causal()


def padding(lengths: Int[Tensor, " B"]) -> Mask:
    """Every query of row r sees the first `lengths[r]` keys; what comes after is padding."""
    if lengths.ndim != 1 or lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise ValueError(
            f"wanted one whole number a row, shape [B]; got shape {list(lengths.shape)} of {lengths.dtype}; "
            "pass the number of real tokens of each row"
        )
    return Padding(lengths)
