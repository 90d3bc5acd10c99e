"""Metrics that add up over batches of any size and divide at the end."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..losses import IGNORED


@dataclass
class Accuracy:
    """The share of examples whose target is among the `k` largest logits; `add` batches, then read `.value`."""

    k: int = 1
    correct: int = 0
    count: int = 0

    def add(self, logits: Float[Tensor, "*batch V"], targets: Int[Tensor, "*batch"]) -> None:
        if not 1 <= self.k <= logits.shape[-1]:
            raise ValueError(f"wanted 1 <= k <= {logits.shape[-1]} classes, got {self.k}; k counts the guesses allowed")
        counted = targets != IGNORED
        guesses = logits[counted].topk(self.k, dim=-1).indices
        self.correct += int((guesses == targets[counted].unsqueeze(-1)).sum())
        self.count += int(counted.sum())

    @property
    def value(self) -> float:
        if not self.count:
            raise ValueError("wanted at least one counted example, got none; add a batch before reading the accuracy")
        return self.correct / self.count


class ConfusionMatrix:
    """counts[target, guess] over all added batches."""

    def __init__(self, n_classes: int):
        self.n_classes = n_classes
        self.counts = torch.zeros(n_classes, n_classes, dtype=torch.int64)

    def add(self, logits: Float[Tensor, "*batch V"], targets: Int[Tensor, "*batch"]) -> None:
        counted = targets != IGNORED
        goals, guesses = targets[counted].cpu(), logits[counted].argmax(-1).cpu()
        if goals.numel() and not (int(goals.min()) >= 0 and int(goals.max()) < self.n_classes):
            raise ValueError(
                f"wanted targets from 0 to {self.n_classes - 1}, got {int(goals.min())} to {int(goals.max())}; "
                f"make the matrix with the data's number of classes"
            )
        cells = torch.bincount(goals * self.n_classes + guesses, minlength=self.n_classes**2)
        self.counts += cells.view(self.n_classes, self.n_classes)

    @property
    def accuracy(self) -> float:
        return float(self.counts.diagonal().sum() / self.counts.sum())

    @property
    def recall(self) -> Float[Tensor, " V"]:
        """Per class, the share of its examples that were found; NaN for a class without examples."""
        return self.counts.diagonal() / self.counts.sum(1)

    @property
    def precision(self) -> Float[Tensor, " V"]:
        """Per class, the share of its guesses that were right; NaN for a class never guessed."""
        return self.counts.diagonal() / self.counts.sum(0)
