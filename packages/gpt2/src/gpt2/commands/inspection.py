"""`gpt2 inspect`: what a model consists of, in two small tables."""

import dataclasses
from collections import Counter
from pathlib import Path

from torch import Tensor

from ..files.loading import load_model, source_folder
from ..files.weights import read_tensors
from ..model import GPT2

PARTS = {
    "token embedding": "token_embedding",
    "position embedding": "position_embedding",
    "attention, in": "attention.qkv",
    "attention, out": "attention.out",
    "feed-forward, up": "feed_forward.up",
    "feed-forward, down": "feed_forward.down",
    "norms": "norm",
}
"""Parts of the model, and what the names of their parameters contain."""


def describe(source: str | Path) -> str:
    """Configuration, dtypes on disk, and for each part its parameters and their values."""
    place = source_folder(source)
    model = load_model(place)
    settings = [f"{name:20}{value}" for name, value in dataclasses.asdict(model.config).items()]
    stored = f"{'stored as':20}{_dtypes(place)}"
    head = f"{'part':20}{'parameters':>14}{'share':>8}{'smallest':>12}{'largest':>12}{'deviation':>12}"
    total = f"{'in all':20}{model.config.n_parameters:14,}"
    return "\n".join([str(place), "", *settings, stored, "", head, *parts_table(model), total])


def parts_table(model: GPT2) -> list[str]:
    """A line for each part: parameters, share of all, smallest and largest value, standard deviation."""
    lines = []
    for part, marker in PARTS.items():
        tensors = [parameter.detach() for name, parameter in model.named_parameters() if marker in name]
        count = sum(tensor.numel() for tensor in tensors)
        low, high = min(float(t.min()) for t in tensors), max(float(t.max()) for t in tensors)
        share = count / model.config.n_parameters
        lines.append(f"{part:20}{count:14,}{share:8.1%}{low:12.4f}{high:12.4f}{_deviation(tensors):12.4f}")
    return lines


def _deviation(tensors: list[Tensor]) -> float:
    count = sum(tensor.numel() for tensor in tensors)
    mean = sum(float(tensor.double().sum()) for tensor in tensors) / count
    return (sum(float((tensor.double() - mean).square().sum()) for tensor in tensors) / count) ** 0.5


def _dtypes(place: Path) -> str:
    if place.is_file():
        return f"a checkpoint file {place.suffix}"
    counts = Counter(str(tensor.dtype).removeprefix("torch.") for tensor in read_tensors(place, check=False).values())
    return ", ".join(f"{dtype} ({count} tensors)" for dtype, count in counts.most_common())
