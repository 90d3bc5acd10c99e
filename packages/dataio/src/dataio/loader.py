"""The loader: which examples are learned from at step n is arithmetic, so a run can stop and go on anywhere."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import default_collate

from .permutation import permute
from .stream import BatchStream


class Batches:
    """Steps of a run: `batches[n]` is the list of micro-batches of step n, a pure function of (seed, n).

    One step is one *global batch* of `batch_size` examples. Epoch e = n // steps_per_epoch has an order of its own,
    computed by `permute`; every example comes exactly once an epoch. The global batch is cut into contiguous parts
    for the ranks, as even as possible, and each part into micro-batches, so that neither the number of processes nor
    the memory of one of them changes what is learned from at step n. A loader has no state but n.

    Args:
        dataset: has `__len__`, and `fetch(indices)` that reads many examples at once or `__getitem__`.
        batch_size: examples per step over all ranks; the last batch of an epoch may be smaller.
        seed: picks the order.
        shuffle: False keeps the dataset's own order.
        drop_last: leave out the smaller last batch (other examples each epoch).
        rank, world_size: which of how many processes this is.
        micro_batch_size: most examples per micro-batch; this rank's whole part unless given.

    Raises:
        ValueError: empty dataset, a size below 1, no such rank, or drop_last with a batch larger than the dataset.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        rank: int = 0,
        world_size: int = 1,
        micro_batch_size: int | None = None,
    ) -> None:
        micro_batch_size = batch_size if micro_batch_size is None else micro_batch_size
        size = len(dataset)
        _check_sizes(size, batch_size, micro_batch_size, drop_last)
        if world_size < 1 or not 0 <= rank < world_size:
            raise ValueError(
                f"wanted a rank from 0 to world_size - 1, got {rank} of {world_size}; pass those of torch.distributed"
            )
        self.dataset, self.size, self.batch_size, self.micro_batch_size = dataset, size, batch_size, micro_batch_size
        self.seed, self.shuffle, self.drop_last, self.rank, self.world_size = seed, shuffle, drop_last, rank, world_size

    @property
    def steps_per_epoch(self) -> int:
        """Global batches per epoch."""
        return self.size // self.batch_size if self.drop_last else -(-self.size // self.batch_size)

    def __len__(self) -> int:
        return self.steps_per_epoch

    def indices(self, step: int) -> np.ndarray:
        """Which examples this rank reads at step n of the run, int64 " B"."""
        if step < 0:
            raise IndexError(f"wanted a step from 0 on, got {step}; steps count from the start of the run")
        epoch, place = divmod(step, self.steps_per_epoch)
        start = place * self.batch_size
        length = min(self.batch_size, self.size - start)
        first, last = length * self.rank // self.world_size, length * (self.rank + 1) // self.world_size
        positions = np.arange(start + first, start + last)
        return permute(positions, self.size, (self.seed, epoch)) if self.shuffle else positions

    def __getitem__(self, step: int) -> list[Any]:
        """Read step n: this rank's micro-batches; none only if the global batch has fewer examples than ranks."""
        chosen = self.indices(step)
        cuts = range(0, len(chosen), self.micro_batch_size)
        return [_read(self.dataset, chosen[cut : cut + self.micro_batch_size]) for cut in cuts]

    def __iter__(self) -> Iterator[list[Any]]:
        """One epoch, from step 0 on."""
        return self.from_step(0, self.steps_per_epoch)

    def from_step(self, start: int, stop: int | None = None) -> BatchStream:
        """Iterate over batches[start], batches[start + 1], … below `stop` (None: endlessly), read ahead in a thread."""
        if start < 0 or (stop is not None and stop < start):
            raise ValueError(f"wanted 0 <= start <= stop, got {start} and {stop}; pass the number of finished steps")
        return BatchStream(self.__getitem__, start, stop)


def _read(dataset: Any, indices: np.ndarray) -> Any:
    if hasattr(dataset, "fetch"):
        return dataset.fetch(indices)
    batch = default_collate([dataset[int(index)] for index in indices])
    # default_collate turns tuples of tensors into lists; a batch has one type however it was read.
    return tuple(batch) if isinstance(batch, list) else batch


def _check_sizes(size: int, batch_size: int, micro_batch_size: int, drop_last: bool) -> None:
    if size < 1:
        raise ValueError("wanted a dataset with at least one example, got an empty one; check where it was read from")
    if batch_size < 1 or micro_batch_size < 1:
        raise ValueError(f"wanted batch sizes of at least 1, got {batch_size} and micro-batches of {micro_batch_size}")
    if drop_last and batch_size > size:
        raise ValueError(
            f"wanted a batch no larger than the dataset's {size} examples, got {batch_size} with drop_last, which "
            "would leave no batch; make it smaller or set drop_last=False"
        )
