"""What can be read off a place by a straight line: a linear probe, and whether it says anything about the place.

A probe is a ridge regression from the vectors at a place to one column a class, solved in closed form; the highest
column is its answer. A probe can also be right because it learned by heart which word means what. So it is given a
control task as well, of the same size and without meaning: each token gets a class by lot, and keeps it (Hewitt and
Liang 2019, arXiv 1909.03368). What it does better on the task than on its control, its selectivity, speaks for the
place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Tried in turn, as shares of the vectors' mean square: the one that is best on a part that was not learned from."""
HELD_OUT = 0.3
"""Share of the groups that the probe is judged on; of the others as many choose the ridge."""


@dataclass(frozen=True)
class Probe:
    """A linear classifier: the highest column of `x weights + bias`."""

    weights: Float[Tensor, "C K"]
    bias: Float[Tensor, " K"]
    ridge: float

    def __call__(self, x: Float[Tensor, "... C"]) -> Int[Tensor, "..."]:
        """The class of each vector."""
        return (x @ self.weights + self.bias).argmax(dim=-1)


@dataclass(frozen=True)
class ProbeReport:
    """How a probe did on what it was not learned from; accuracies from 0 to 1."""

    right: tuple[bool, ...]
    """For each vector held out."""
    control_right: tuple[bool, ...]
    """The same for the control task."""
    groups: tuple[int, ...]
    """Of each vector held out the text it is from, which intervals go by."""
    majority: float
    """Accuracy of always answering the class that is most frequent where it was learned."""
    probe: Probe

    @property
    def accuracy(self) -> float:
        return sum(self.right) / len(self.right)

    @property
    def control(self) -> float:
        return sum(self.control_right) / len(self.control_right)

    @property
    def selectivity(self) -> float:
        return self.accuracy - self.control


def fit_probe(x: Float[Tensor, "N C"], classes: Int[Tensor, " N"], n_classes: int, ridge: float) -> Probe:
    """The probe that is nearest to one column a class in squares, with `ridge` x the vectors' mean square as penalty of
    its weights; in closed form, so that nothing about it is a matter of luck."""
    x = x.double()
    mean = x.mean(dim=0)
    centered = x - mean
    targets = torch.nn.functional.one_hot(classes, n_classes).double()
    shares = targets.mean(dim=0)
    square = centered.T @ centered
    square.diagonal().add_(ridge * square.diagonal().mean().clamp_min(1e-12))
    weights = torch.linalg.solve(square, centered.T @ (targets - shares))
    return Probe(weights.float(), (shares - mean @ weights).float(), ridge)


def control_classes(
    tokens: Int[Tensor, " N"], classes: Int[Tensor, " N"], generator: torch.Generator
) -> Int[Tensor, " N"]:
    """The control task: every different token gets a class by lot, drawn as often as classes occur, and keeps it."""
    kinds, which = tokens.unique(return_inverse=True)
    drawn = classes[torch.randint(len(classes), (len(kinds),), generator=generator)]
    return drawn[which]


def probe_place(
    x: Float[Tensor, "N C"],
    classes: Int[Tensor, "..."],
    tokens: Int[Tensor, "..."],
    groups: Int[Tensor, "..."],
    *,
    seed: int = 0,
) -> ProbeReport:
    """Learn a probe and its control on some groups, and judge both on others.

    x: a vector each, from any place. classes: from 0. tokens: which token each vector stands on, for the control task.
    groups: the text each is from; a text is either learned from or judged on.
    ValueError for one class, for too few groups, and for lengths that differ.
    """
    sizes = {len(each) for each in (x, classes, tokens, groups)}
    if len(sizes) != 1:
        raise ValueError(
            f"wanted a class, a token and a group for each of {len(x)} vectors, got {sorted(sizes)} of them"
        )
    n_classes = int(classes.max()) + 1
    if len(classes.unique()) < 2:
        raise ValueError("classes: wanted at least 2 that occur, got 1; a probe tells classes apart: give other labels")
    draws = torch.Generator().manual_seed(seed)
    learn, choose, judge = _split(groups, draws)
    reports = [_judged(x, task, n_classes, learn, choose, judge) for task in _tasks(classes, tokens, draws)]
    (probe, right), (_, control_right) = reports
    majority = classes[learn | choose].mode().values
    return ProbeReport(
        tuple(right.tolist()),
        tuple(control_right.tolist()),
        tuple(groups[judge].tolist()),
        float((classes[judge] == majority).double().mean()),
        probe,
    )


def _tasks(classes: Tensor, tokens: Tensor, draws: torch.Generator) -> Sequence[Tensor]:
    return classes, control_classes(tokens, classes, draws)


def _split(groups: Int[Tensor, " N"], draws: torch.Generator) -> list[Tensor]:
    """Which vectors are learned from, choose the ridge, and judge; whole groups each."""
    kinds, which = groups.unique(return_inverse=True)
    n = len(kinds)
    held = max(1, round(HELD_OUT * n))
    if n < 4:
        raise ValueError(f"wanted at least 4 texts, so that some are not learned from, got {n}; give more")
    part = torch.zeros(n, dtype=torch.long)
    order = torch.randperm(n, generator=draws)
    part[order[:held]] = 2
    part[order[held : held + max(1, round(HELD_OUT * (n - held)))]] = 1
    return [part[which] == number for number in range(3)]


def _judged(
    x: Tensor, classes: Tensor, n_classes: int, learn: Tensor, choose: Tensor, judge: Tensor
) -> tuple[Probe, Tensor]:
    """The probe of the ridge that is best on `choose`, learned again on both parts; and where it is right."""

    def accuracy(ridge: float) -> float:
        probe = fit_probe(x[learn], classes[learn], n_classes, ridge)
        return float((probe(x[choose]) == classes[choose]).double().mean())

    best = max(RIDGES, key=accuracy)
    both = learn | choose
    probe = fit_probe(x[both], classes[both], n_classes, best)
    return probe, probe(x[judge]) == classes[judge]
