"""Reading chosen examples of any dataset, so that what is random in them depends on nothing but their keys.

Each example of each epoch has a *key*, 64 bits hashed from (seed, epoch, index). All randomness of an example comes
from its key and from nothing else: example 7 of epoch 2 looks the same with 0 or 4 workers, alone or in a batch, and
after a resume. Batch-wise augmentations compute random numbers from the keys (`uniform`). Datasets that are read one
example at a time may use torchvision's transforms, which draw from the global generators: while an example is read,
those are seeded with its key, and afterwards they are as they were.
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor
from torch.utils.data import default_collate

from workbench import shorten

from .permutation import mix

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd: SplitMix64's step between draws


class ExampleError(RuntimeError):
    """An example could not be read; `index` says which."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index

    def __reduce__(self) -> tuple[type, tuple[int, str]]:
        return type(self), (self.index, str(self))


def example_keys(indices: np.ndarray | Sequence[int], seed: int = 0, epoch: int = 0) -> np.ndarray:
    """Hash (seed, epoch, index) to 64 bits for each of the indices " B": uint64 " B"."""
    start = int.from_bytes(hashlib.sha256(f"example,{int(seed)},{int(epoch)}".encode()).digest()[:8], "little")
    return mix(mix(np.asarray(indices, dtype=np.int64).astype(np.uint64) + GOLDEN) ^ np.uint64(start))


def uniform(keys: np.ndarray, count: int) -> Float32[Tensor, "B {count}"]:
    """Draw `count` numbers from [0, 1) for every key " B", the same ones whenever and wherever it is asked."""
    steps = np.arange(1, count + 1, dtype=np.uint64) * GOLDEN
    bits = mix(np.asarray(keys, dtype=np.uint64)[:, None] + steps[None, :])
    return torch.from_numpy(((bits >> np.uint64(40)).astype(np.float64) / 2**24).astype(np.float32))


def row_of_numbers(values: np.ndarray | Sequence[int], what: str, kinds: str = "iu") -> np.ndarray:
    """The values as " N", whole numbers as int64; ValueError for other shapes, other kinds of numbers, and a mask."""
    try:
        found = np.asarray(values)
    except ValueError:  # lists of uneven length
        found = np.empty((), dtype=object)
    if found.ndim != 1 or (len(found) and (found.dtype.kind not in kinds or (found >= 2**63).any())):
        cure = "pass np.flatnonzero(mask)" if found.dtype == bool else "pass a list of them"
        raise ValueError(
            f"wanted {what} as a row of numbers, got {shorten(repr(values))} of type {found.dtype}; {cure}"
        )
    return found.astype(np.int64) if kinds == "iu" else found


def is_batchwise(dataset: Any) -> bool:
    """Whether the dataset and everything that it wraps (as `.dataset` or `.datasets`) is read a batch at a time."""
    own = hasattr(dataset, "fetch") or hasattr(dataset, "fetch_keyed")
    inner = [dataset.dataset] if hasattr(dataset, "dataset") else getattr(dataset, "datasets", ())
    return own and all(is_batchwise(one) for one in inner)


def read_batch(
    dataset: Any, indices: np.ndarray, keys: np.ndarray, collate: Callable[[list[Any]], Any] | None = None
) -> Any:
    """Read the examples `indices` (" B") as one batch: at once where the dataset can, else one by one.

    Raises:
        ExampleError: reading failed; says which example, and the cause is the dataset's own error.
    """
    fetch = None if collate else _fetch_of(dataset)
    if fetch is None:
        return _collate(read_examples(dataset, indices, keys), collate or default_collate)
    try:
        return fetch(indices, keys)
    except ExampleError:
        raise
    except Exception:
        for row in range(len(indices)):  # one of them is the culprit: read them alone to learn which
            try:
                fetch(indices[row : row + 1], keys[row : row + 1])
            except Exception as error:
                raise _named(int(indices[row]), dataset, error) from error
        raise


def read_examples(dataset: Any, indices: np.ndarray, keys: np.ndarray) -> list[Any]:
    """Read examples one by one, each with Python's, NumPy's and torch's CPU generator seeded with its key."""
    examples = []
    with _ambient_state_kept():
        for index, key in zip(indices.tolist(), keys.tolist(), strict=True):
            random.seed(key)
            np.random.seed(key % 2**32)
            # Not torch.manual_seed: that would seed devices too, which nobody restores and workers must not touch.
            torch.default_generator.manual_seed(key)
            try:
                examples.append(dataset[index])
            except ExampleError:
                raise
            except Exception as error:
                raise _named(index, dataset, error) from error
    return examples


def _fetch_of(dataset: Any) -> Callable[[np.ndarray, np.ndarray], Any] | None:
    if hasattr(dataset, "fetch_keyed"):
        keyed: Callable[[np.ndarray, np.ndarray], Any] = dataset.fetch_keyed
        return keyed
    if hasattr(dataset, "fetch"):
        return lambda indices, keys: dataset.fetch(indices)
    return None


def _collate(examples: list[Any], collate: Callable[[list[Any]], Any]) -> Any:
    try:
        batch = collate(examples)
    except RuntimeError as error:
        if collate is not default_collate:
            raise
        raise ValueError(
            f"wanted examples of equal shape to make one batch, got {error}; resize them with a transform, "
            "or pass collate= to join ragged ones"
        ) from error
    # default_collate turns tuples into lists; a batch has one type however it was read.
    return tuple(batch) if isinstance(batch, list) and isinstance(examples[0], tuple) else batch


def _named(index: int, dataset: Any, error: Exception) -> ExampleError:
    return ExampleError(
        index,
        f"wanted example {index} of {type(dataset).__name__}, got {type(error).__name__}: {error}; "
        f"try dataset[{index}] by itself, and repair or leave out that example",
    )


@contextmanager
def _ambient_state_kept() -> Iterator[None]:
    states = random.getstate(), np.random.get_state(), torch.default_generator.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.default_generator.set_state(states[2])
