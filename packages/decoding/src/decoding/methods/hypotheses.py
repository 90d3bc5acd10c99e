"""The bookkeeping of one beam search: running hypotheses, finished ones, and when nothing better can come.

Follows transformers 5 (`generation/utils.py`, `_beam_search`): the length of a hypothesis counts its new ids, the
end-of-text id among them; those still running at the last step count as finished. CTranslate2 leaves the end out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from ..rows import FinishReason, Generated
from ..settings.values import GenerationSettings

IMPOSSIBLE = -1e9
"""The log-probability of hypotheses that are none: copies of the first beam before the first step, ended ones."""

Ended = Callable[[Sequence[int]], FinishReason | None]


@dataclass(frozen=True)
class Hypothesis:
    """Finished new ids, their score, and why they ended."""

    ids: tuple[int, ...]
    score: float
    finish_reason: FinishReason


@dataclass(frozen=True)
class Candidate:
    """One continuation that was looked at: of running hypothesis `parent`, by `token`, with the summed log-probability
    `total`; it went on as running hypothesis `place`, or ended, or neither."""

    parent: int
    token: int
    total: float
    place: int | None
    ended: bool


@dataclass(eq=False)
class Search:
    """One prompt's `size` beams (of one group). `totals` are the summed log-probabilities of the running ones."""

    settings: GenerationSettings
    size: int
    most_new: int
    ended: Ended
    running: list[list[int]] = field(init=False)
    totals: Float[Tensor, " K"] = field(init=False)
    finished: list[Hypothesis] = field(default_factory=list)
    trace: list[list[Candidate]] = field(default_factory=list)
    open: bool = True

    def __post_init__(self) -> None:
        self.running = [[] for _ in range(self.size)]
        self.totals = torch.tensor([0.0] + [IMPOSSIBLE] * (self.size - 1))

    @property
    def wanted(self) -> int:
        """So many finished hypotheses are kept, and with early stopping waited for."""
        return max(1, round(self.size * self.settings.patience)) if self.settings.early_stopping is True else self.size

    def take(self, totals: Float[Tensor, " M"], parents: Sequence[int], tokens: Sequence[int]) -> list[int]:
        """Go on with the best of the M candidates, which are sorted by `totals` or were drawn in this order. The
        parents of the new running hypotheses, in their order."""
        ids = [[*self.running[parent], token] for parent, token in zip(parents, tokens, strict=True)]
        reasons = [self.ended(one) for one in ids]
        ends = torch.tensor([reason in ("end_of_text", "stop") for reason in reasons])
        best = (totals + ends * IMPOSSIBLE).topk(self.size)
        going_on = best.indices.tolist()
        self._note(totals, parents, tokens, reasons, going_on)
        self._finish(totals, ids, reasons)
        self.running = [ids[number] for number in going_on]
        self.totals = best.values
        full = self.settings.early_stopping is True and len(self.finished) >= self.wanted
        lives = bool(self.totals[0] > IMPOSSIBLE / 2)
        self.open = None in reasons and not full and (self._can_improve() if lives else not self.finished)
        return [parents[number] for number in going_on]

    def _finish(self, totals: Tensor, ids: Sequence[list[int]], reasons: Sequence[FinishReason | None]) -> None:
        """Only the first `size` candidates may finish; the others are there to replace them. The best are kept."""
        length = len(ids[0])
        scores = (totals / length**self.settings.length_penalty).tolist()
        for one, total, score, reason in list(zip(ids, totals, scores, reasons, strict=True))[: self.size]:
            if reason is not None and total > IMPOSSIBLE / 2:
                self.finished.append(Hypothesis(tuple(one), score, reason))
        self.finished.sort(key=lambda hypothesis: -hypothesis.score)
        del self.finished[max(self.wanted, self.settings.n_best) :]

    def _can_improve(self) -> bool:
        """Whether the best running hypothesis could still beat the worst finished one: at its present length, or with
        early_stopping="never" at the length that suits it best."""
        if len(self.finished) < self.wanted:
            return True
        never = self.settings.early_stopping == "never" and self.settings.length_penalty > 0
        length = self.most_new if never else len(self.running[0])
        hoped = self.totals[0] / length**self.settings.length_penalty
        return bool(hoped > min(hypothesis.score for hypothesis in self.finished[: self.wanted]))

    def _note(
        self,
        totals: Tensor,
        parents: Sequence[int],
        tokens: Sequence[int],
        reasons: Sequence[FinishReason | None],
        going_on: list[int],
    ) -> None:
        self.trace.append(
            [
                Candidate(
                    parent, token, total, going_on.index(number) if number in going_on else None, reason is not None
                )
                for number, (parent, token, total, reason) in enumerate(
                    zip(parents, tokens, totals.tolist(), reasons, strict=True)
                )
            ]
        )


def best_hypotheses(searches: Sequence[Search], settings: GenerationSettings) -> Generated:
    """The best finished hypothesis of all groups, with the next best ones."""
    found = sorted((one for search in searches for one in search.finished), key=lambda one: -one.score)
    results = [Generated(one.ids, one.finish_reason, score=one.score) for one in found[: settings.n_best]]
    first, *others = results
    return Generated(first.ids, first.finish_reason, score=first.score, others=tuple(others))
