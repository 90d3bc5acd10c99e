"""Several sources learned from in stated proportions, in an order that stays arithmetic."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..order import shuffled
from ..reading import read_batch
from .transformed import Wrapped

ONE = 2**32  # shares are whole numbers of this, so that places come out the same on every machine


class Mixture(Wrapped):
    """Datasets that share every stretch of a run in stated proportions; pass it to `Batches`.

    Of any n consecutive examples of a run, however they are cut into batches, a source with weight w gives n x w, at
    most one less or more for each source. Each source has its own shuffled order and its own epochs: all its examples
    come once before one comes again. So a small source with a large weight is repeated, and a large one with a small
    weight is not finished. One epoch of the mixture is as many examples as all sources have together.

    The order is computed: place s of the run belongs to the first source if floor(s x w) grows there (a Sturmian word);
    the places left over are shared among the other sources in the same way.

    Args:
        datasets: what to mix; examples are tuples of tensors of the same shapes.
        weights: for each dataset its share of the examples, above 0; together 1.

    Attributes:
        datasets: the sources.
        shares: the weight of each source among itself and those after it, in units of 2^-32.

    Raises:
        ValueError: another number of weights than of datasets, a weight that is not above 0, a sum that is not 1, or an
            empty dataset.
    """

    def __init__(self, datasets: Sequence[Any], weights: Sequence[float]) -> None:
        _check(datasets, weights)
        self.datasets = tuple(datasets)
        self.borders = np.cumsum([0, *map(len, datasets)])
        left = [math.fsum(weights[number:]) for number in range(len(weights))]
        self.shares = tuple(round(ONE * weight / rest) for weight, rest in zip(weights, left, strict=True))

    def __len__(self) -> int:
        return int(self.borders[-1])

    def fetch_keyed(self, indices: np.ndarray, keys: np.ndarray) -> Any:
        """Read the examples `indices` (" B") of the sources laid end to end."""
        source = self.source(indices)
        parts, places = [], []
        for number in np.unique(source).tolist():
            here = np.flatnonzero(source == number)
            parts.append(read_batch(self.datasets[number], indices[here] - self.borders[number], keys[here]))
            places.append(here)
        back = torch.from_numpy(np.argsort(np.concatenate(places)))
        return tuple(torch.cat(field)[back] for field in zip(*parts, strict=True))

    def source(self, indices: np.ndarray) -> np.ndarray:
        """Which dataset (0, 1, …) each of the indices " B" of the mixture belongs to: int64 " B"."""
        return np.searchsorted(self.borders, indices, side="right") - 1

    def order(self, batch_size: int, seed: int, shuffle: bool) -> "MixedOrder":
        """The order that `Batches` reads in."""
        return MixedOrder(tuple(map(len, self.datasets)), self.shares, batch_size, seed, shuffle)


@dataclass(frozen=True)
class MixedOrder:
    """The order of a mixture, as `Order` is that of one dataset. Every batch is full."""

    sizes: tuple[int, ...]
    shares: tuple[int, ...]
    batch_size: int
    seed: int
    shuffle: bool
    drop_last: bool = False
    lengths: None = None

    @property
    def size(self) -> int:
        """Examples of all sources together."""
        return sum(self.sizes)

    @property
    def steps_per_epoch(self) -> int:
        """Batches in which as many examples come as there are."""
        return -(-self.size // self.batch_size)

    def examples(self, step: int) -> np.ndarray:
        """Indices in the mixture of the examples of step n of the run, int64 " B"."""
        places = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        if places[-1] >= ONE - 1:
            raise IndexError(f"wanted a step within 2^32 examples, got step {step} of {self.batch_size}; start anew")
        chosen = np.empty(self.batch_size, dtype=np.int64)
        slots, first_index = np.arange(self.batch_size), 0
        for number, (size, share) in enumerate(zip(self.sizes, self.shares, strict=True)):
            before, after = _count(places, share), _count(places + 1, share)
            here = after > before
            chosen[slots[here]] = first_index + self._of_source(number, size, before[here])
            slots, places, first_index = slots[~here], (places - before)[~here], first_index + size
        return chosen

    def _of_source(self, number: int, size: int, turns: np.ndarray) -> np.ndarray:
        """Which examples a source gives at its turns, which follow on each other."""
        pieces = []
        first, end = (int(turns[0]), int(turns[-1]) + 1) if len(turns) else (0, 0)
        while first < end:
            epoch, place = divmod(first, size)
            last = min(size, place + end - first)
            key = (self.seed, number, epoch)
            pieces.append(shuffled(place, last, size, key) if self.shuffle else np.arange(place, last))
            first += last - place
        return np.concatenate(pieces) if pieces else turns


def _count(places: np.ndarray, share: int) -> np.ndarray:
    """How many of the places before each one are a source's: floor(place x share)."""
    return (places.astype(np.uint64) * np.uint64(share) >> np.uint64(32)).astype(np.int64)


def _check(datasets: Sequence[Any], weights: Sequence[float]) -> None:
    if len(datasets) != len(weights) or not datasets:
        raise ValueError(
            f"wanted one weight for each dataset, got {len(datasets)} datasets and {len(weights)} weights; pass as many"
        )
    if not all(weight > 0 and math.isfinite(weight) for weight in weights):
        raise ValueError(f"wanted weights above 0, got {list(weights)}; leave out sources that should give nothing")
    total = math.fsum(weights)
    if abs(total - 1) > 1e-6:
        shares = ", ".join(f"{weight / total:.4g}" for weight in weights)
        raise ValueError(
            f"wanted weights that sum to 1, got {list(weights)} with sum {total:.6g}; for the same proportions pass "
            f"[{shares}]"
        )
    empty = [number for number, dataset in enumerate(datasets) if len(dataset) == 0]
    if empty:
        raise ValueError(f"wanted examples in every dataset, got none in number {empty[0]}; leave it out")
