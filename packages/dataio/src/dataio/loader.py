"""The loader: which examples are learned from at step n is arithmetic, so a run can stop and go on anywhere."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np

from .order import ExampleOrder, Order, part_of
from .processes.pinning import check_can_pin, pin
from .processes.workers import read_with_workers
from .reading import ExampleError, example_keys, is_batchwise, read_batch, row_of_numbers
from .stream import BatchStream, ReadAhead


class Batches:
    """Steps of a run: `batches[n]` is the list of micro-batches of step n, a pure function of (seed, n).

    One step is one *global batch* of `batch_size` examples. Epoch e = n // steps_per_epoch has an order of its own,
    computed by `permute`; every example comes exactly once an epoch. The global batch is cut into contiguous parts
    for the ranks, as even as possible, and each part into micro-batches, so that neither the number of processes or
    workers nor the memory of one of them changes what is learned from at step n. A loader has no state but n.

    Args:
        dataset: has `__len__`, and `fetch(indices)` that reads many examples at once or `__getitem__`. One with
            `order(batch_size, seed, shuffle)`, such as a `Mixture`, brings its own, in which every batch is full.
        batch_size: examples per step over all ranks; the last batch of an epoch may be smaller.
        seed: picks the order, and what is random in the examples.
        shuffle: False keeps the dataset's own order.
        drop_last: leave out the smaller last batch (other examples each epoch).
        rank, world_size: which of how many processes this is.
        micro_batch_size: most examples per micro-batch; this rank's whole part unless given.
        lengths: the length of every example: batches then hold examples of similar length (see `Order`).
        collate: joins a list of examples to a batch (for ragged ones, by padding); they are then read one by one.
        num_workers: processes that read; with 0 a thread reads ahead if the dataset is read a batch at a time, and
            otherwise the caller's own thread reads, because examples may then draw from the global generators.
        start_method: "fork", "spawn" or "forkserver"; the platform's default unless given.
        pin_memory: put batches into page-locked memory, for a faster way to a GPU.

    Raises:
        ValueError: empty dataset, a size below 1, no such rank, drop_last with a batch larger than the dataset, lengths
            that do not fit, or pin_memory without an accelerator.
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
        lengths: np.ndarray | Sequence[int] | None = None,
        collate: Callable[[list[Any]], Any] | None = None,
        num_workers: int = 0,
        start_method: str | None = None,
        pin_memory: bool = False,
    ) -> None:
        self.dataset, self.collate, self.rank, self.world_size = dataset, collate, rank, world_size
        self.micro_batch_size = batch_size if micro_batch_size is None else micro_batch_size
        self.num_workers, self.start_method, self.pin_memory = num_workers, start_method, pin_memory
        lengths = None if lengths is None else row_of_numbers(lengths, "lengths", kinds="iuf")
        if batch_size < 1 or self.micro_batch_size < 1:
            raise ValueError(
                f"wanted batch sizes of at least 1, got {batch_size} and micro-batches of {self.micro_batch_size}; "
                "raise them"
            )
        self.order = _order(dataset, batch_size, seed, shuffle, drop_last, lengths)
        _check_sizes(self.order)
        if world_size < 1 or not 0 <= rank < world_size:
            raise ValueError(
                f"wanted a rank from 0 to world_size - 1, got {rank} of {world_size}; pass those of torch.distributed"
            )
        if num_workers < 0:
            raise ValueError(f"wanted 0 or more workers, got {num_workers}; 0 reads in this process")
        if pin_memory:
            check_can_pin()

    @property
    def steps_per_epoch(self) -> int:
        """Global batches per epoch."""
        return self.order.steps_per_epoch

    def __len__(self) -> int:
        return self.order.steps_per_epoch

    def indices(self, step: int) -> np.ndarray:
        """Which examples this rank reads at step n of the run, int64 " B"."""
        if step < 0:
            raise IndexError(f"wanted a step from 0 on, got {step}; steps count from the start of the run")
        return part_of(self.order.examples(step), self.rank, self.world_size)

    def __getitem__(self, step: int) -> list[Any]:
        """Read step n: this rank's micro-batches; none only if the global batch has fewer examples than ranks.

        Raises:
            ExampleError: an example could not be read; has its index.
        """
        chosen = self.indices(step)
        keys = example_keys(chosen, self.order.seed, step // self.steps_per_epoch)
        cuts = [slice(cut, cut + self.micro_batch_size) for cut in range(0, len(chosen), self.micro_batch_size)]
        return [read_batch(self.dataset, chosen[cut], keys[cut], self.collate) for cut in cuts]

    def __iter__(self) -> Iterator[list[Any]]:
        """One epoch, from step 0 on."""
        return self.from_step(0, self.steps_per_epoch)

    def from_step(self, start: int, stop: int | None = None) -> BatchStream:
        """Iterate over batches[start], batches[start + 1], … below `stop` (None: endlessly), read ahead."""
        if start < 0 or (stop is not None and stop < start):
            raise ValueError(f"wanted 0 <= start <= stop, got {start} and {stop}; pass the number of finished steps")
        steps = count(start) if stop is None else range(start, stop)
        if self.num_workers:
            workers = (self.num_workers, self.start_method, self.pin_memory)
            return BatchStream(read_with_workers(self.__getitem__, steps, *workers, ExampleError), start)
        read = self._read_pinned if self.pin_memory else self.__getitem__
        in_thread = is_batchwise(self.dataset) and self.collate is None
        return BatchStream(ReadAhead(read, steps) if in_thread else map(read, steps), start)

    def _read_pinned(self, step: int) -> list[Any]:
        return [pin(batch) for batch in self[step]]


def _order(
    dataset: Any, batch_size: int, seed: int, shuffle: bool, drop_last: bool, lengths: np.ndarray | None
) -> ExampleOrder:
    mixture = dataset
    while not callable(getattr(mixture, "order", None)) and hasattr(mixture, "dataset"):
        mixture = mixture.dataset
    if not callable(getattr(mixture, "order", None)):
        return Order(len(dataset), batch_size, seed, shuffle, drop_last, lengths)
    if len(dataset) != len(mixture):
        raise ValueError(
            f"wanted a whole mixture of {len(mixture)} examples, got a part of {len(dataset)}; take parts of its "
            "datasets instead"
        )
    if lengths is not None:
        raise ValueError("wanted a mixture without lengths, got lengths; its order cannot be sorted by them")
    order: ExampleOrder = mixture.order(batch_size, seed, shuffle)
    return order


def _check_sizes(order: ExampleOrder) -> None:
    if order.size < 1:
        raise ValueError("wanted a dataset with at least one example, got an empty one; check where it was read from")
    if order.drop_last and order.batch_size > order.size:
        raise ValueError(
            f"wanted a batch no larger than the dataset's {order.size} examples, got {order.batch_size} with "
            "drop_last, which would leave no batch; make it smaller or set drop_last=False"
        )
    if order.lengths is not None and order.lengths.shape != (order.size,):
        raise ValueError(
            f"wanted one length for each of the {order.size} examples, got shape {order.lengths.shape}; pass them all"
        )
