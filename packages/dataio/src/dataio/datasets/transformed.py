"""Datasets made from datasets: some of the examples, or all of them changed on the way out."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..reading import example_keys, read_batch, row_of_numbers


class Wrapped:
    """What datasets over another `dataset` share: `fetch_keyed(indices, keys)` reads a batch (see `example_keys`)."""

    dataset: Any

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return tuple(part[0] for part in self.fetch([index]))

    def fetch(self, indices: np.ndarray | Sequence[int]) -> Any:
        """Read the examples `indices` (" B") as they are in epoch 0 of seed 0."""
        indices = np.asarray(indices, dtype=np.int64)
        return self.fetch_keyed(indices, example_keys(indices))

    def fetch_keyed(self, indices: np.ndarray, keys: np.ndarray) -> Any:
        """Read the examples `indices` (" B"), whose randomness comes from `keys` (uint64 " B")."""
        return read_batch(self.dataset, indices, keys)


class Subset(Wrapped):
    """The examples `indices` of a dataset, in that order; of a `Mixture` take subsets of its parts instead.

    ValueError for anything but a row of whole numbers.
    """

    def __init__(self, dataset: Any, indices: np.ndarray | Sequence[int]) -> None:
        self.dataset, self.indices = dataset, row_of_numbers(indices, "indices")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def fetch_keyed(self, indices: np.ndarray, keys: np.ndarray) -> Any:
        return read_batch(self.dataset, self.indices[indices], keys)


class BatchTransformed(Wrapped):
    """A dataset whose first field goes through `transform` a batch at a time; for transforms that draw nothing."""

    def __init__(self, dataset: Any, transform: Callable[[Any], Any]) -> None:
        self.dataset, self.transform = dataset, transform

    def fetch_keyed(self, indices: np.ndarray, keys: np.ndarray) -> Any:
        first, *others = read_batch(self.dataset, indices, keys)
        return self.transform(first), *others


class Augmented(Wrapped):
    """A dataset whose first field goes through `augment(batch, keys)`, which draws from the keys alone (`uniform`)."""

    def __init__(self, dataset: Any, augment: Callable[[Any, np.ndarray], Any]) -> None:
        self.dataset, self.augment = dataset, augment

    def fetch_keyed(self, indices: np.ndarray, keys: np.ndarray) -> Any:
        first, *others = read_batch(self.dataset, indices, keys)
        return self.augment(first, keys), *others


class Transformed:
    """A dataset whose first field goes through `transform` one example at a time.

    For any transform of `torchvision.transforms.v2`, random ones included: whoever reads through `Batches` finds the
    global generators seeded for each example (see `reading`).

    Raises:
        TypeError: there is an `Augmented` underneath, which has to see whole batches with their keys.
    """

    def __init__(self, dataset: Any, transform: Callable[[Any], Any]) -> None:
        inner = dataset
        while inner is not None:
            if isinstance(inner, Augmented):
                raise TypeError(
                    "wanted a dataset whose examples are read one by one, got one over Augmented; "
                    "put Augmented outside, around Transformed"
                )
            inner = getattr(inner, "dataset", None)
        self.dataset, self.transform = dataset, transform

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        first, *others = self.dataset[index]
        return self.transform(first), *others
