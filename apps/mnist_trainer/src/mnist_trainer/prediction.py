"""Reading drawings with a network that has learned."""

from dataclasses import dataclass
from pathlib import Path

import torch

from trainkit import evaluating

from .files.model_folder import Reader
from .handwriting import read_drawing
from .views import probabilities


@dataclass(frozen=True)
class Prediction:
    """Every class with its probability, the likeliest first."""

    ranking: tuple[tuple[str, float], ...]

    @property
    def answer(self) -> str:
        return self.ranking[0][0]

    @property
    def probability(self) -> float:
        return self.ranking[0][1]


def predict(reader: Reader, path: Path) -> Prediction:
    """Read the digit in an image file; errors as `read_drawing`."""
    image = read_drawing(path, reader.framing)
    with evaluating(reader.model):
        found = probabilities(reader.model, image[None])[0]
    order = torch.argsort(found, descending=True, stable=True).tolist()
    return Prediction(tuple((reader.classes[label], float(found[label])) for label in order))
