"""The images of a run: what is learned from, what shows when to stop, and what is judged in the end."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dataio import ArrayDataset, ImageFolder, digits, in_memory, mnist, split_by_content, split_by_fraction

from .handwriting import DIGITS_FRAMING, MNIST_FRAMING, Framing, read_drawing
from .settings import Recipe, TrainSettings

DIGITS = tuple("0123456789")
HELD_OUT = 0.2
"""Share of the images that is judged where the data brings no test images of its own."""


@dataclass(frozen=True)
class ImageData:
    """Datasets of (image float32 "1 S S" from 0 (paper) to 1 (ink), label int64)."""

    name: str
    classes: tuple[str, ...]
    framing: Framing
    train: ArrayDataset
    validation: ArrayDataset
    test: ArrayDataset

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all images and labels, in their order."""
        digest = hashlib.sha256()
        for dataset in (self.train, self.validation, self.test):
            for array in dataset.arrays:
                digest.update(f"{tuple(array.shape)}".encode() + array.numpy().tobytes())
        return digest.hexdigest()


def load_images(settings: TrainSettings, recipe: Recipe) -> ImageData:
    """Read the data that the settings name; ValueError or OSError with what is wrong with it."""
    kind, _, folder = (settings.data or "digits").partition(":")
    if kind == "folder":
        return load_folder(Path(folder), recipe)
    if kind == "mnist":
        return load_mnist(settings.mnist_root, recipe)
    return _split("scikit-learn's digits", DIGITS, DIGITS_FRAMING, digits("train"), digits("test"), recipe)


def load_mnist(root: Path | None, recipe: Recipe) -> ImageData:
    """MNIST, downloaded once or from `root`; without test files there, a fifth of the training files is held out."""
    rest, name = mnist("train", mnist_root=root), "MNIST"
    try:
        test: Any = mnist("test", mnist_root=root)
    except FileNotFoundError:
        name += f" in {root}, without its test files: {HELD_OUT:.0%} of the others are held out"
        rest, test = (in_memory(side) for side in split_by_content(rest, HELD_OUT))
    return _split(name, DIGITS, MNIST_FRAMING, rest, test, recipe)


def load_folder(folder: Path, recipe: Recipe) -> ImageData:
    """Your own drawings, `folder/CLASS/image.png`: each cut out, scaled and centered as MNIST's digits are."""
    files = ImageFolder(folder)
    if len(files.classes) < 2:
        raise ValueError(
            f"wanted at least two classes in {folder}, got {files.classes}; sort the images into one folder per class"
        )
    images = torch.stack([read_drawing(path, MNIST_FRAMING) for path in files.paths])
    rest, test = split_by_content(ArrayDataset(images, np.array(files.labels, dtype=np.int64)), HELD_OUT)
    return _split(f"the images in {folder}", files.classes, MNIST_FRAMING, in_memory(rest), in_memory(test), recipe)


def _split(name: str, classes: tuple[str, ...], framing: Framing, rest: Any, test: Any, recipe: Recipe) -> ImageData:
    # By content for what is judged, so that no copy of it is learned from; here an exact number matters more.
    train, validation = (in_memory(side) for side in split_by_fraction(rest, recipe.validation))
    missing = set(range(len(classes))) - set(train.arrays[1].tolist())
    if missing:
        raise ValueError(
            f"wanted images of every class to learn from, got none of {[classes[label] for label in sorted(missing)]} "
            f"among {len(train)} of {name}; add more images of them"
        )
    return ImageData(name, classes, framing, train, validation, test)
