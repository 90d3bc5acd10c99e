"""Whether the validation loss has clearly turned: what ends a run before the end of its schedule.

A few hundred images judge roughly, and at a high learning rate the loss jumps from one epoch to the next: the lowest
single loss is luck. So medians over some epochs are compared, and a little above the lowest is not above it.
"""

import math
from dataclasses import dataclass, field
from statistics import median

WINDOW = 5
"""Epochs of a median, or as many as the patience has if those are fewer."""
MARGIN = 1.5
"""A median is clearly above the lowest one if it is above so many times that."""


@dataclass
class Turning:
    """Takes the validation loss of each epoch; `turned` after `patience` epochs in a row that are clearly worse."""

    patience: int
    losses: list[float] = field(default_factory=list)

    def add(self, loss: float) -> None:
        self.losses.append(loss)

    @property
    def turned(self) -> bool:
        """Every median of the last `patience` epochs lies clearly above the lowest one before it; NaN is above all."""
        window = min(WINDOW, self.patience)
        ends = range(window, len(self.losses) + 1)
        lowest, worse = math.inf, 0
        for end in ends:
            middle = median(math.inf if math.isnan(loss) else loss for loss in self.losses[end - window : end])
            worse = worse + 1 if middle > MARGIN * lowest or middle == math.inf else 0
            lowest = min(lowest, middle)
        return worse >= self.patience
