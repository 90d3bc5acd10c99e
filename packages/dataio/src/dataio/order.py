"""Which examples make up the global batch of a step: arithmetic, and nothing else."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np

from .permutation import permute

POOL_BATCHES = 64  # batches whose examples are sorted by length together: more pad less, fewer mix better
BLOCK = 4096  # positions shuffled in one go and remembered: one by one costs almost as much as all of them


@runtime_checkable
class ExampleOrder(Protocol):
    """What a loader asks of an order: its numbers, and the examples of a step."""

    @property
    def size(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def drop_last(self) -> bool: ...
    @property
    def lengths(self) -> np.ndarray | None: ...
    @property
    def steps_per_epoch(self) -> int: ...
    def examples(self, step: int) -> np.ndarray: ...


@dataclass(frozen=True)
class Order:
    """The order of `size` examples in global batches of `batch_size`, epoch after epoch.

    With `lengths` (" N") the shuffled examples are taken in pools of `POOL_BATCHES` batches; a pool is sorted by length
    and cut into batches of similar length, which then come in a shuffled order. Still every example once an epoch.
    """

    size: int
    batch_size: int
    seed: int
    shuffle: bool
    drop_last: bool
    lengths: np.ndarray | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Global batches per epoch."""
        return self.size // self.batch_size if self.drop_last else -(-self.size // self.batch_size)

    def examples(self, step: int) -> np.ndarray:
        """Indices of the examples of the global batch of step n of the run, int64 " B"."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if self.lengths is not None:
            return self._bucketed(epoch, place, self.lengths)
        return self._shuffled(epoch, place * self.batch_size, (place + 1) * self.batch_size)

    def _shuffled(self, epoch: int, first: int, last: int) -> np.ndarray:
        in_epoch = self.steps_per_epoch * self.batch_size if self.drop_last else self.size
        last = min(last, in_epoch)
        if not self.shuffle or first >= last:
            return np.arange(first, last)
        return shuffled(first, last, self.size, (self.seed, epoch))

    def _bucketed(self, epoch: int, place: int, lengths: np.ndarray) -> np.ndarray:
        pool, within = divmod(place, POOL_BATCHES)
        first = pool * POOL_BATCHES * self.batch_size
        examples = self._shuffled(epoch, first, first + POOL_BATCHES * self.batch_size)
        examples = examples[np.argsort(lengths[examples], kind="stable")]
        full = len(examples) // self.batch_size
        if within < full and self.shuffle:  # a smaller last batch stays the last
            within = int(permute(np.array([within]), full, (self.seed, epoch, pool))[0])
        return examples[within * self.batch_size : (within + 1) * self.batch_size]


def shuffled(first: int, last: int, size: int, key: tuple[int, ...]) -> np.ndarray:
    """What stands at the places first, …, last - 1 of the shuffled order of range(size) that `key` picks."""
    numbers = range(first // BLOCK, (last - 1) // BLOCK + 1)
    blocks = [_shuffled_block(number, size, key) for number in numbers]
    return np.concatenate(blocks)[first - numbers[0] * BLOCK : last - numbers[0] * BLOCK]


@lru_cache(maxsize=16)
def _shuffled_block(number: int, size: int, key: tuple[int, ...]) -> np.ndarray:
    return permute(np.arange(number * BLOCK, min((number + 1) * BLOCK, size)), size, key)


def part_of(examples: np.ndarray, rank: int, world_size: int) -> np.ndarray:
    """The contiguous part of a global batch that process `rank` reads; parts differ by one example at most."""
    return examples[len(examples) * rank // world_size : len(examples) * (rank + 1) // world_size]
