"""How well a classifier labels texts: accuracy with its interval, what is taken for what, and where it errs surest."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from evaluation import Estimate, share
from trainkit import ConfusionMatrix

from .classifier import Classifier, probabilities
from .labels import LabeledText


@dataclass(frozen=True)
class JudgedLabels:
    """For each text its label, the likeliest one, and how sure the classifier is of that, all in the texts' order."""

    labels: tuple[int, ...]
    guesses: tuple[int, ...]
    sure: tuple[float, ...]

    @property
    def right(self) -> list[float]:
        """1 for each text whose label is found, 0 for each other."""
        return [float(label == guess) for label, guess in zip(self.labels, self.guesses, strict=True)]

    @property
    def accuracy(self) -> Estimate:
        """Share of the labels that are found, with Wilson's interval."""
        return share([right > 0 for right in self.right])

    def confusion(self, n_labels: int) -> Int[Tensor, "L L"]:
        """How many texts of each label (row) are given each label (column)."""
        matrix = ConfusionMatrix(n_labels)
        matrix.add(torch.nn.functional.one_hot(torch.tensor(self.guesses), n_labels).float(), torch.tensor(self.labels))
        return matrix.counts

    def mistakes(self) -> list[int]:
        """Numbers of the texts that are labeled wrongly, the surest first."""
        wrong = [number for number, right in enumerate(self.right) if not right]
        return sorted(wrong, key=lambda number: -self.sure[number])


def judge_labels(classifier: Classifier, texts: Sequence[LabeledText]) -> JudgedLabels:
    """What the classifier says of texts whose labels are known."""
    sure, guesses = probabilities(classifier, [text.ids for text in texts]).max(1)
    return JudgedLabels(tuple(text.label for text in texts), tuple(guesses.tolist()), tuple(sure.tolist()))


def most_frequent(learned: Sequence[LabeledText], judged: Sequence[LabeledText]) -> Estimate:
    """The accuracy of always saying the label that is most frequent among the texts to learn from."""
    usual = int(torch.bincount(torch.tensor([text.label for text in learned])).argmax())
    return share([text.label == usual for text in judged])
