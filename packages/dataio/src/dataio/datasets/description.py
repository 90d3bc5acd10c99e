"""A quick look at a dataset before anything is learned from it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench import require

from ..reading import example_keys, read_examples


@dataclass(frozen=True)
class Field:
    """One field of all examples: shape (* where they differ), type, range, mean, count of NaN and infinite values."""

    shape: tuple[int | str, ...]
    dtype: str
    low: float
    high: float
    mean: float
    n_not_finite: int


@dataclass(frozen=True)
class Description:
    """What `describe` found; `str()` of it is a table to read."""

    n_examples: int
    fields: tuple[Field, ...]
    class_counts: dict[str, int]

    def __str__(self) -> str:
        lines = [f"{self.n_examples:,} examples"]
        for number, field in enumerate(self.fields):
            shape = " x ".join(str(size) for size in field.shape) or "single"
            line = f"field {number}: {shape} {field.dtype}, {field.low:.4g} to {field.high:.4g}, mean {field.mean:.4g}"
            lines.append(line + (f", {field.n_not_finite:,} NOT FINITE" if field.n_not_finite else ""))
        widest = max(map(len, self.class_counts), default=0)
        for name, count in self.class_counts.items():
            share = count / self.n_examples
            lines.append(f"class {name:>{widest}} {count:>8,} {share:6.1%} {'#' * round(40 * share)}".rstrip())
        return "\n".join(lines)


def describe(dataset: Any) -> Description:
    """Read every example once and sum up its fields; classes are counted if the last field is a single integer.

    Raises:
        ValueError: the dataset is empty.
    """
    if len(dataset) == 0:
        raise ValueError("wanted at least one example to describe, got an empty dataset; check where it was read from")
    columns: list[list[Tensor]] = []
    for example in _read(dataset, len(dataset)):
        parts = example if isinstance(example, tuple | list) else (example,)
        columns = columns or [[] for _ in parts]
        for column, part in zip(columns, parts, strict=True):
            column.append(torch.as_tensor(part))
    return Description(len(dataset), tuple(_summary(column) for column in columns), _count(dataset, columns[-1]))


def contact_sheet(dataset: Any, path: str | Path, *, count: int = 64, columns: int = 16) -> Path:
    """Draw the first `count` images of a dataset of (image "C H W", label) with their labels as a PNG; its path.

    All images share one scale from the darkest to the brightest value, so normalized ones can be looked at too.
    """
    drawing, pillow = require("PIL.ImageDraw", "dataio", "images"), require("PIL.Image", "dataio", "images")
    examples = _read(dataset, min(count, len(dataset)))
    images = [torch.as_tensor(example[0]).float() for example in examples]
    low, high = min(float(i.min()) for i in images), max(float(i.max()) for i in images)
    largest = max(max(image.shape[-2:]) for image in images)
    tile = largest * max(1, -(-48 // largest))  # whole multiples keep small pixels square
    sheet = pillow.new("RGB", (columns * (tile + 4), -(-len(images) // columns) * (tile + 18)), "white")
    pen = drawing.Draw(sheet)
    names = _class_names(dataset)
    for place, (image, example) in enumerate(zip(images, examples, strict=True)):
        gray = ((image - low) / ((high - low) or 1.0) * 255).round().byte().permute(1, 2, 0).numpy()
        picture = pillow.fromarray(gray[..., 0] if gray.shape[2] == 1 else gray).convert("RGB")
        factor = tile / max(picture.size)
        picture = picture.resize([max(1, round(side * factor)) for side in picture.size], pillow.Resampling.NEAREST)
        left, top = place % columns * (tile + 4) + 2, place // columns * (tile + 18) + 2
        sheet.paste(picture, (left, top))
        label = int(example[1])
        pen.text((left, top + tile + 1), names[label] if names else str(label), fill="black")
    sheet.save(path)
    return Path(path)


def _read(dataset: Any, count: int) -> list[Any]:
    indices = np.arange(count)
    return read_examples(dataset, indices, example_keys(indices))


def _class_names(dataset: Any) -> tuple[str, ...] | None:
    while not hasattr(dataset, "classes") and hasattr(dataset, "dataset"):
        dataset = dataset.dataset
    return getattr(dataset, "classes", None)


def _summary(column: list[Tensor]) -> Field:
    shapes = {tuple(value.shape) for value in column}
    first = next(iter(shapes))
    same_rank = len({len(shape) for shape in shapes}) == 1
    sizes = [set(sizes) for sizes in zip(*shapes, strict=True)] if same_rank else []
    shape: tuple[int | str, ...] = tuple(s.copy().pop() if len(s) == 1 else "*" for s in sizes) if first else ()
    values = torch.cat([value.reshape(-1) for value in column]).double()
    finite = values[torch.isfinite(values)]
    low, high, mean = (float(finite.min()), float(finite.max()), float(finite.mean())) if len(finite) else (np.nan,) * 3
    return Field(shape, str(column[0].dtype).removeprefix("torch."), low, high, mean, len(values) - len(finite))


def _count(dataset: Any, column: list[Tensor]) -> dict[str, int]:
    if any(value.ndim or value.is_floating_point() or value.is_complex() for value in column):
        return {}
    names = _class_names(dataset)
    counts = Counter(int(value) for value in column)
    return {names[label] if names else str(label): counts[label] for label in sorted(counts)}
