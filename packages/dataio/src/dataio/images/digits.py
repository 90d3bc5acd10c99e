"""Real handwritten digits."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from workbench import require

from ..arrays import ArrayDataset

TEST_EVERY = 5


def digits(split: str = "train") -> ArrayDataset:
    """Load the 1,797 handwritten digits that scikit-learn brings along (Alpaydin and Kaynak 1998); no network.

    Every fifth image is for testing (359), the others for training (1,438). The writers are not named in the data,
    so one writer's digits can be on both sides.

    Args:
        split: "train" or "test".

    Returns:
        (images, labels): float32 "N 1 8 8" from 0 (paper) to 1 (ink), int64 " N".

    Raises:
        ValueError: the split is neither "train" nor "test".
        ImportError: scikit-learn is missing.
    """
    if split not in ("train", "test"):
        raise ValueError(f"wanted split 'train' or 'test', got {split!r}; pass one of the two")
    pixels, labels = _pixels_and_labels()
    images = (pixels.reshape(-1, 1, 8, 8) / 16.0).astype(np.float32)
    chosen = (np.arange(len(images)) % TEST_EVERY == TEST_EVERY - 1) == (split == "test")
    return ArrayDataset(images[chosen], labels[chosen].astype(np.int64))


def _pixels_and_labels() -> tuple[np.ndarray, np.ndarray]:
    """What `sklearn.datasets.load_digits` returns, from its file: to import scikit-learn takes seconds."""
    found = find_spec("sklearn")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder, "datasets", "data", "digits.csv.gz")
        if path.is_file():
            rows = np.loadtxt(path, delimiter=",")
            return rows[:, :-1], rows[:, -1]
    data = require("sklearn.datasets", "dataio", "images").load_digits()
    return data.data, data.target
