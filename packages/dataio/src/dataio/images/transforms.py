"""Image transforms, composed from torchvision's, with their numbers taken from the data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from workbench import require

from ..reading import example_keys, read_batch
from .pixels import MODES, eight_bits

CHUNK = 1024  # examples read at once


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of each channel, over all pixels of all examples."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def statistics(dataset: Any) -> Statistics:
    """Measure the first field ("C ..." an example) of a dataset: pass the training split only.

    Chunks are merged in float64 by the rule of Chan, Golub and LeVeque (1983), which loses no digits to large means.

    Raises:
        ValueError: the dataset is empty, or a value is NaN or infinite; says in which example.
    """
    count, mean, squares = 0, torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    for start in range(0, len(dataset), CHUNK):
        indices = np.arange(start, min(start + CHUNK, len(dataset)))
        values = read_batch(dataset, indices, example_keys(indices))[0].double().flatten(2)
        _check_finite(values, start)
        n = values.shape[0] * values.shape[2]
        chunk_mean = values.mean((0, 2))
        difference, total = chunk_mean - mean, count + n
        squares = squares + (values - chunk_mean[:, None]).square().sum((0, 2)) + difference**2 * count * n / total
        mean, count = mean + difference * n / total, total
    if count == 0:
        raise ValueError("wanted at least one example to measure, got an empty dataset; check where it was read from")
    return Statistics(tuple(mean.tolist()), tuple((squares / count).sqrt().tolist()))


def to_tensor() -> Any:
    """Transform of a PIL image, array or tensor to a float32 tensor "C H W" from 0 to 1.

    Whole numbers are scaled by the largest of their type, uint8 or uint16; floating-point numbers stay as they are.

    Raises:
        ValueError: when it is used: whole numbers of another type or floating-point numbers from 0 to 255, whose white
            is nowhere said.
    """
    v2 = require("torchvision.transforms.v2", "dataio", "images")
    return v2.Compose([_known_white, v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.ToPureTensor()])


def normalise(measured: Statistics) -> Any:
    """Transform "... C H W" to mean 0 and standard deviation 1 per channel, as `measured` on the training split.

    Raises:
        ValueError: a channel is constant, so that nothing can make its deviation 1.
    """
    if min(measured.std) <= 0.0:
        raise ValueError(
            f"wanted channels that vary, got standard deviations {measured.std}; leave out the constant channels"
        )
    return require("torchvision.transforms.v2", "dataio", "images").Normalize(list(measured.mean), list(measured.std))


def compose(*transforms: Any) -> Any:
    """Chain transforms, the first one first."""
    return require("torchvision.transforms.v2", "dataio", "images").Compose(list(transforms))


def _known_white(image: Any) -> Any:
    """The same image, a PIL image of another depth in 8 bits; ValueError where its white is unknown."""
    if hasattr(image, "has_transparency_data"):
        return eight_bits(image, image.mode if image.mode in MODES else "RGB" if image.mode == "P" else "L")
    values = torch.as_tensor(image)
    whole = not values.is_floating_point()
    if values.dtype not in (torch.uint8, torch.uint16, torch.bool) if whole else bool((values.abs() > 2).any()):
        kind = str(values.dtype).removeprefix("torch.")
        raise ValueError(
            f"wanted uint8 or uint16, or floating-point numbers from 0 to 1, got {kind} from {values.min():g} to "
            f"{values.max():g}; convert with .astype('uint8') or divide by the largest"
        )
    return image


def _check_finite(values: torch.Tensor, start: int) -> None:
    bad = (~torch.isfinite(values)).flatten(1).any(1).nonzero()
    if len(bad):
        raise ValueError(
            f"wanted finite values, got NaN or infinity in example {start + int(bad[0])}; "
            "repair or leave out that example"
        )
