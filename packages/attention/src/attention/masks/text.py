"""Masks about the text: what came before, what is real, what belongs together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from .algebra import Mask


@dataclass(frozen=True)
class Causal(Mask):
    reach = (math.inf, 0)

    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        return keys <= queries

    def __repr__(self) -> str:
        return "causal()"

    def describe(self) -> str:
        return "keys up to its own place"


@dataclass(frozen=True, eq=False)
class Padding(Mask):
    lengths: Tensor

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        return len(self.lengths)

    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        return keys < beside(self.lengths, rows)[rows]

    def __repr__(self) -> str:
        return f"padding({self.lengths.tolist()})"

    def describe(self) -> str:
        return f"the real tokens of its row, {self.lengths.tolist()} of them"


@dataclass(frozen=True)
class Prefix(Mask):
    n: int

    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        return keys < self.n

    def __repr__(self) -> str:
        return f"prefix({self.n})"

    def describe(self) -> str:
        return f"the first {self.n} keys"


@dataclass(frozen=True, eq=False)
class Documents(Mask):
    ids: Tensor

    @property
    def n_rows(self) -> int | None:  # type: ignore[override]
        return None if self.ids.ndim == 1 else len(self.ids)

    @property
    def n_places(self) -> int:  # type: ignore[override]
        return self.ids.shape[-1]

    def __call__(self, rows: Any, queries: Any, keys: Any) -> Any:
        ids = beside(self.ids, queries)
        return ids[queries] == ids[keys] if ids.ndim == 1 else ids[rows, queries] == ids[rows, keys]

    def __repr__(self) -> str:
        return f"documents({self.ids.tolist()})"

    def describe(self) -> str:
        return "keys of its own document"


def beside(stored: Tensor, asked: Any) -> Tensor:
    """`stored` on the device of the numbers that it is asked with."""
    return stored.to(asked.device) if isinstance(asked, Tensor) else stored


def causal() -> Mask:
    """A query sees the keys up to and including its own place."""
    return Causal()


def whole_numbers(numbers: Any) -> Tensor:
    """A tensor of them; lists, as a person writes them, become one. ValueError for what cannot."""
    try:
        return torch.as_tensor(numbers)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"wanted whole numbers, rows of equal length; got {numbers!r}; pad the rows to one length"
        ) from error


def padding(lengths: Int[Tensor, " B"] | Sequence[int]) -> Mask:
    """Every query of row r sees the first `lengths[r]` keys; what comes after is padding."""
    lengths = whole_numbers(lengths)
    if lengths.ndim != 1 or lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise ValueError(
            f"wanted one whole number a row, shape [B]; got shape {list(lengths.shape)} of {lengths.dtype}; "
            "pass the number of real tokens of each row"
        )
    return Padding(lengths)


def prefix(n: int) -> Mask:
    """Every query sees the first `n` keys. `causal() | prefix(n)` reads a prompt both ways and writes on from left to
    right (Raffel et al. 2020, section 3.2.1: prefix language model)."""
    if n < 0:
        raise ValueError(f"wanted a prefix of 0 or more keys; got {n}; pass how many keys everyone sees")
    return Prefix(n)


def documents(ids: Int[Tensor, "*B S"] | Sequence[int] | Sequence[Sequence[int]]) -> Mask:
    """A query sees the keys whose document number is its own, so that texts packed into one row do not mix.

    `ids` holds a number a token, [B, S], or [S] for all rows alike; with a cache also those of the tokens it holds.
    """
    ids = whole_numbers(ids)
    if ids.ndim not in (1, 2) or ids.is_floating_point() or ids.dtype == torch.bool:
        raise ValueError(
            f"wanted a whole number a token, shape [B, S] or [S]; got shape {list(ids.shape)} of {ids.dtype}; "
            "pass the number of the document that each token belongs to"
        )
    return Documents(ids)
