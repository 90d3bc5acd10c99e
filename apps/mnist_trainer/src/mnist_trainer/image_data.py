"""The images of a run: what is learned from, what shows when to stop, and what is judged in the end."""

import hashlib
from dataclasses import dataclass
from typing import Any

from dataio import ArrayDataset, digits, in_memory, split_by_content

from .settings import Recipe, TrainSettings


@dataclass(frozen=True)
class ImageData:
    """Datasets of (image float32 "1 H W" from 0 (paper) to 1 (ink), label int64)."""

    name: str
    classes: tuple[str, ...]
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
    return _with_validation("scikit-learn's digits", tuple("0123456789"), digits("train"), digits("test"), recipe)


def _with_validation(name: str, classes: tuple[str, ...], rest: Any, test: ArrayDataset, recipe: Recipe) -> ImageData:
    train, validation = split_by_content(rest, recipe.validation)
    return ImageData(name, classes, in_memory(train), in_memory(validation), test)
