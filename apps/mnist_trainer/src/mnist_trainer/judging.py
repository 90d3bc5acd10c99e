"""How good the answers are, and how sure one can be of that."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from dataio import Batches
from trainkit import evaluating

from .digit_net import DigitNet
from .views import probabilities

Z_95 = 1.959964
"""95 % of a normal distribution lies within so many standard deviations."""


@dataclass(frozen=True)
class Judgement:
    """The answers to images that the network never learned from."""

    probabilities: Float[Tensor, "N K"]
    labels: Int[Tensor, " N"]

    @property
    def answers(self) -> Int[Tensor, " N"]:
        return self.probabilities.argmax(1)

    @property
    def n_correct(self) -> int:
        return int((self.answers == self.labels).sum())

    @property
    def accuracy(self) -> float:
        return self.n_correct / len(self.labels)

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.n_correct, len(self.labels))

    @property
    def confusion(self) -> Int[Tensor, "K K"]:
        """How often an image of class (row) was answered with class (column)."""
        size = self.probabilities.shape[1]
        return torch.bincount(self.labels * size + self.answers, minlength=size * size).reshape(size, size)

    @property
    def mistakes(self) -> Int[Tensor, " M"]:
        """Numbers of the images with a wrong answer, the most confident one first."""
        wrong = (self.answers != self.labels).nonzero().flatten()
        confidence = self.probabilities[wrong].amax(1)
        return wrong[confidence.argsort(descending=True, stable=True)]


def judge(model: DigitNet, dataset: Any, batch_size: int = 250) -> Judgement:
    """Answer every image of `dataset`, read as `views` has it; mode of the model and random state stay as they were."""
    device = next(model.parameters()).device
    answers, labels = [], []
    with evaluating(model):
        for micro_batches in Batches(dataset, batch_size, shuffle=False):
            for images, batch_labels in micro_batches:
                answers.append(probabilities(model, images.to(device)).cpu())
                labels.append(batch_labels)
    return Judgement(torch.cat(answers), torch.cat(labels))


def wilson_interval(n_correct: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Where the true accuracy lies in 95 of 100 such tests (Wilson 1927, JASA 22, 209-212, equation 5).

    Unlike accuracy +- z standard errors it stays within 0 and 1, and does not shrink to nothing at 100 %.
    """
    if not 0 <= n_correct <= n or n < 1:
        raise ValueError(f"wanted 0 <= correct <= n with n >= 1, got {n_correct} of {n}; count the answers again")
    share = n_correct / n
    center = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, center - reach), min(1.0, center + reach)
