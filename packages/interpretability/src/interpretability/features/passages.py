"""The passages of a corpus on which each of many units, neurons or features, is highest.

The corpus streams by: for each unit only its best passages so far are held, whatever the length of the text.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

BEFORE, AFTER = 20, 6
"""Tokens of a passage before and after the one on which the unit was highest."""
FILL = -1


@dataclass(frozen=True)
class Passage:
    """A place in a text where a unit was high."""

    activation: float
    tokens: list[int]
    peak: int
    """Which of them it was highest on."""
    at: int
    """Where that token is in the corpus, counted from 0."""


class TopPassages:
    """The `k` windows on which each of `n_units` was highest, with the passage around the highest token.

    Give it what the units did on the windows of a corpus, one batch after the other, by `add`. A window counts once for
    a unit, so that one loud passage does not fill all places. Memory: n_units x k passages of at most 27 tokens.
    """

    def __init__(self, n_units: int, k: int = 8) -> None:
        if k < 1:
            raise ValueError(f"k: wanted at least 1 passage a unit, got {k}; leave it out")
        self.n_units, self.k, self.n_tokens = n_units, k, 0
        self.values = torch.full((n_units, k), -torch.inf)
        self._at = torch.zeros(n_units, k, dtype=torch.long)
        self._peaks = torch.zeros(n_units, k, dtype=torch.long)
        self._passages = torch.full((n_units, k, BEFORE + 1 + AFTER), FILL, dtype=torch.int32)
        self._sums = torch.zeros(2, n_units, dtype=torch.float64)
        self._active = torch.zeros(n_units, dtype=torch.long)

    @property
    def mean(self) -> Float[Tensor, " N"]:
        """Each unit's mean activation over the whole corpus."""
        return (self._sums[0] / max(1, self.n_tokens)).float()

    @property
    def deviation(self) -> Float[Tensor, " N"]:
        """Each unit's standard deviation over the whole corpus."""
        mean = self._sums[0] / max(1, self.n_tokens)
        return (self._sums[1] / max(1, self.n_tokens) - mean.square()).clamp_min(0).sqrt().float()

    @property
    def active(self) -> Float[Tensor, " N"]:
        """The share of tokens on which each unit is above zero."""
        return self._active / max(1, self.n_tokens)

    @torch.no_grad()
    def add(self, activations: Float[Tensor, "B T N"], tokens: Int[Tensor, "B T"]) -> None:
        """See what the units did on the next windows of the corpus."""
        activations, tokens = activations.float().cpu(), tokens.cpu()
        self._sums[0] += activations.sum((0, 1))
        self._sums[1] += activations.square().sum((0, 1))
        self._active += (activations > 0).sum((0, 1))
        self._keep(activations, tokens)
        self.n_tokens += tokens.numel()

    def _keep(self, activations: Float[Tensor, "B T N"], tokens: Int[Tensor, "B T"]) -> None:
        """The best of what is held and of the new windows."""
        highest, where = activations.max(dim=1)
        values, rows = highest.topk(min(self.k, len(highest)), dim=0)
        peaks, rows, length = where.gather(0, rows).T, rows.T, tokens.shape[1]
        inside = peaks[..., None] + torch.arange(-BEFORE, AFTER + 1)
        real = (inside >= 0) & (inside < length)
        passages = tokens[rows[..., None], inside.clamp(0, length - 1)].int().masked_fill(~real, FILL)
        self.values, kept = torch.cat([self.values, values.T], dim=1).topk(self.k, dim=1)
        self._at = torch.cat([self._at, self.n_tokens + rows * length + peaks], dim=1).gather(1, kept)
        self._peaks = torch.cat([self._peaks, peaks.clamp_max(BEFORE)], dim=1).gather(1, kept)
        whole = torch.cat([self._passages, passages], dim=1)
        self._passages = whole.gather(1, kept[..., None].expand(-1, -1, whole.shape[-1]))

    def of(self, unit: int) -> list[Passage]:
        """The passages of one unit, the highest first. ValueError for a unit that there is not."""
        if not 0 <= unit < self.n_units:
            raise ValueError(f"unit: wanted 0..{self.n_units - 1}, got {unit}; name one that there is")
        parts = zip(
            self.values[unit].tolist(),
            self._passages[unit],
            self._peaks[unit].tolist(),
            self._at[unit].tolist(),
            strict=True,
        )
        return [
            Passage(value, tokens[tokens != FILL].tolist(), peak, at)
            for value, tokens, peak, at in parts
            if value > -torch.inf
        ]

    @property
    def standing_out(self) -> Float[Tensor, " N"]:
        """How far each unit's highest activation is above its mean, in standard deviations: large for units that are
        likely to be about something."""
        return (self.values[:, 0] - self.mean) / self.deviation.clamp_min(1e-6)
