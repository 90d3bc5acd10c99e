"""Data that fits in memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .reading import example_keys, read_batch


class ArrayDataset:
    """Dataset over arrays or tensors of equal length: example i is the tuple of their i-th rows."""

    def __init__(self, *arrays: np.ndarray | Tensor) -> None:
        if not arrays:
            raise ValueError("wanted at least one array, got none; pass for example ArrayDataset(images, labels)")
        lengths = [len(array) for array in arrays]
        if len(set(lengths)) != 1:
            shapes = [tuple(array.shape) for array in arrays]
            raise ValueError(f"wanted arrays of equal length, got shapes {shapes}; each needs one row an example")
        self.arrays = tuple(torch.as_tensor(array) for array in arrays)

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return tuple(array[index] for array in self.arrays)

    def fetch(self, indices: np.ndarray | Sequence[int]) -> tuple[Tensor, ...]:
        """Read the examples `indices` (" B") at once: one tensor "B ..." for each array."""
        rows = torch.from_numpy(np.asarray(indices, dtype=np.int64))
        return tuple(array[rows] for array in self.arrays)


def in_memory(dataset: Any) -> ArrayDataset:
    """Read a dataset of equally shaped examples once, whole, so that it can be read a batch at a time from then on."""
    indices = np.arange(len(dataset))
    return ArrayDataset(*read_batch(dataset, indices, example_keys(indices)))
