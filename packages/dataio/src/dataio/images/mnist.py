"""MNIST: 70,000 handwritten digits of 28 x 28 pixels, downloaded once or read from files that you have."""

import logging
import time
from pathlib import Path

import numpy as np

from workbench import cache_folder, require

from ..arrays import ArrayDataset
from .idx import read_idx

FILES = {"train": ("train-images", "train-labels"), "test": ("t10k-images", "t10k-labels")}
ATTEMPTS = 3  # over all of torchvision's mirrors each
logger = logging.getLogger(__name__)


def mnist(
    split: str = "train", *, mnist_root: str | Path | None = None, cache: str | Path | None = None, wait: float = 2.0
) -> ArrayDataset:
    """Load MNIST (LeCun et al. 1998).

    Args:
        split: "train" (60,000) or "test" (10,000).
        mnist_root: folder with the IDX files, gzipped or not, under their usual names; nothing is downloaded then.
        cache: where downloaded files are kept; `workbench.cache_folder("mnist")` unless given.
        wait: seconds to wait before all mirrors are tried again, doubled each time.

    Returns:
        (images, labels): float32 "N 1 28 28" from 0 (paper) to 1 (ink), 188 MB for 60,000; int64 " N".

    Raises:
        FileNotFoundError: a file is missing from `mnist_root`.
        ConnectionError: no mirror could be reached, or what came had a wrong checksum.
        ValueError: no such split; a file is damaged; images and labels do not fit together.
    """
    if split not in FILES:
        raise ValueError(f"wanted split 'train' or 'test', got {split!r}; pass one of the two")
    folder = (
        Path(mnist_root) if mnist_root else _downloaded(Path(cache) if cache else cache_folder("mnist"), split, wait)
    )
    images, labels = (read_idx(_find(folder, name)) for name in FILES[split])
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise ValueError(
            f"wanted images (N, height, width) and N labels in {folder}, got shapes {images.shape} and {labels.shape}; "
            "take both files from the same download"
        )
    if images.dtype != np.uint8 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"wanted images of bytes and whole numbers as labels in {folder}, got {images.dtype} and {labels.dtype}; "
            "copy MNIST's own files"
        )
    if len(labels) and (labels.min() < 0 or labels.max() > 9):
        bad = int(np.flatnonzero((labels < 0) | (labels > 9))[0])
        raise ValueError(f"wanted labels from 0 to 9, got {labels[bad]} at {bad} in {folder}; copy the file again")
    return ArrayDataset((images[:, None] / np.float32(255)).astype(np.float32), labels.astype(np.int64))


def _find(folder: Path, name: str) -> Path:
    suffix = "idx3-ubyte" if "images" in name else "idx1-ubyte"
    names = [f"{name}{dot}{suffix}{zipped}" for dot in "-." for zipped in ("", ".gz")]
    for place in (folder, folder / "MNIST" / "raw"):
        for candidate in names:
            if (place / candidate).is_file():
                return place / candidate
    raise FileNotFoundError(
        f"wanted {names[0]} (or with .gz) in {folder}, but it is not there; copy MNIST's files to it"
    )


def _downloaded(cache: Path, split: str, wait: float) -> Path:
    dataset = require("torchvision.datasets", "dataio", "images").MNIST
    for attempt in range(ATTEMPTS):
        try:
            # torchvision compares each file with its MD5 checksum and goes through its mirrors.
            dataset(str(cache), train=split == "train", download=True)
            return cache
        except (RuntimeError, OSError) as error:
            logger.warning("attempt %d of %d to download MNIST failed: %s", attempt + 1, ATTEMPTS, error)
            last = error
            if attempt + 1 < ATTEMPTS:
                time.sleep(wait * 2**attempt)
    raise ConnectionError(
        f"wanted to download MNIST to {cache}, but no mirror gave it in {ATTEMPTS} attempts ({last}); check the "
        "network, copy the IDX files to a folder and pass mnist_root=FOLDER, or learn from digits(): no download"
    ) from last
