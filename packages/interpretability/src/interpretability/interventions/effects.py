"""What a change costs, in nats a token, with intervals, and how many of the changes tried are more than chance."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from evaluation import Estimate, estimate, sign_test


@dataclass(frozen=True)
class Effect:
    """What changing one part does to the loss: nats a token, positive where the model gets worse, with the 95 %
    interval of `evaluation` over rows of text.

    `p_value` is that of the exact sign test over the rows, `adjusted` the same after Holm's correction for all the
    parts that were tried with it: below 0.05, at most one time in twenty is any such part there by chance.
    """

    part: str
    nats: Estimate
    p_value: float
    adjusted: float

    @property
    def is_real(self) -> bool:
        """Whether it is more than chance: the corrected p-value is below 5 %, and 0 lies outside of the interval."""
        low, high = self.nats.low, self.nats.high
        return self.adjusted < 0.05 and low is not None and high is not None and not low <= 0.0 <= high


def effects_of(names: Sequence[str], changed: Float[Tensor, "P N"], plain: Float[Tensor, " N"]) -> list[Effect]:
    """The effect of each part, in the order given: nats a token in each row of text with the part changed, and as it
    was."""
    p_values = [sign_test(int((row > plain).sum()), int((row < plain).sum())) for row in changed]
    return [
        Effect(name, estimate((row - plain).tolist()), p_value, corrected)
        for name, row, p_value, corrected in zip(names, changed, p_values, holm(p_values), strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected so that the chance of any false one among those below a level is at most that level, however
    they depend on each other (Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure")."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """p-values corrected so that of those below a level at most that share is false on average, where tests are
    independent (Benjamini and Hochberg 1995): for the thousands of neurons, where Holm's correction leaves few."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__, reverse=True)
    adjusted, smallest = [0.0] * len(p_values), 1.0
    for place, index in enumerate(order):
        smallest = min(smallest, p_values[index] * len(p_values) / (len(p_values) - place))
        adjusted[index] = smallest
    return adjusted
