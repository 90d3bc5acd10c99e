"""Hold out examples: an exact fraction, or by content so that copies of an example never part."""

import hashlib
from typing import Any

import numpy as np
import torch

from ..permutation import permute
from .transformed import Subset


def split_by_fraction(dataset: Any, held_out: float = 0.2, *, seed: int = 0) -> tuple[Subset, Subset]:
    """Split into (train, held out) with round(held_out x N) examples held out, chosen by `seed`.

    Raises:
        ValueError: the fraction is outside (0, 1), or would leave a side empty.
    """
    _check_fraction(held_out)
    size = len(dataset)
    count = round(size * held_out)
    order = permute(np.arange(size), size, (seed,)) if size else np.arange(0)
    return _sides(dataset, np.sort(order[count:]), np.sort(order[:count]))


def split_by_content(dataset: Any, held_out: float = 0.2) -> tuple[Subset, Subset]:
    """Split into (train, held out) by a hash of each example's bytes: about `held_out` of them are held out.

    Equal examples land on one side, so no copy of a training example is judged; and an example keeps its side when
    others come or go. Every example is read once. It is hashed over its first field, without its label. Where chance
    would leave a side empty, which few examples can do, the example nearest to the border (with its copies) is there.

    Raises:
        ValueError: the fraction is outside (0, 1), or there are not two different examples.
    """
    _check_fraction(held_out)
    places = np.array([_place(dataset[index]) for index in range(len(dataset))])
    if not len(np.unique(places)) > 1:
        raise ValueError(
            f"wanted at least two different examples, one for each side, got {len(places)} examples that are "
            f"{len(np.unique(places))} different; use more examples"
        )
    border = np.clip(held_out, np.nextafter(places.min(), 1.0), places.max())
    return _sides(dataset, np.flatnonzero(places >= border), np.flatnonzero(places < border))


def _place(example: Any) -> float:
    first = example[0] if isinstance(example, tuple | list) else example
    array = np.ascontiguousarray(torch.as_tensor(first).numpy())
    digest = hashlib.sha256(f"{array.shape}{array.dtype}".encode() + array.tobytes()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _check_fraction(held_out: float) -> None:
    if not 0.0 < held_out < 1.0:
        raise ValueError(f"wanted a held-out fraction between 0 and 1, got {held_out}; use for example 0.2")


def _sides(dataset: Any, train: np.ndarray, held_out: np.ndarray) -> tuple[Subset, Subset]:
    if not len(train) or not len(held_out):
        raise ValueError(
            f"wanted examples on both sides, got {len(train)} to train and {len(held_out)} held out; "
            "use more examples or another fraction"
        )
    return Subset(dataset, train), Subset(dataset, held_out)
