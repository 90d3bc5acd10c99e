"""Who proposes ids for speculative decoding: the text itself, or a smaller model."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..distribution.histories import histories
from ..protocols import LanguageModel
from ..rows import Row
from ..sampling import draw_uniforms, greedy, processed, sample
from ..session import Session
from ..settings.vocabulary import Vocabulary
from ..step import cached_transforms_of


@dataclass(frozen=True)
class Draft:
    """Proposed ids, and the distributions that they were drawn from (None: they were not drawn)."""

    ids: list[int]
    probabilities: Float[Tensor, "K V"] | None = None

    def probabilities_at(self, place: int, n_vocab: int) -> Float[Tensor, " V"] | None:
        """The distribution of one proposed id. ValueError for another vocabulary."""
        if self.probabilities is None:
            return None
        if self.probabilities.shape[-1] != n_vocab:
            raise ValueError(
                f"wanted a draft model with the vocabulary of the model, {n_vocab} ids, got one of "
                f"{self.probabilities.shape[-1]}; use a smaller model of the same family"
            )
        return self.probabilities[place]


class PromptLookup:
    """What followed the last few ids when they came before (Saxena 2023, "Prompt Lookup Decoding", apoorvumang on
    GitHub): text that copies, such as edited code or a summary with quotations, is guessed for nothing.

    Looks for the last `longest` ids, then for fewer, down to `shortest`, and proposes up to `tokens` that followed the
    most recent place. Checking a wrong guess costs a little, so a row whose guesses fail waits before the next one,
    twice as long each time, and starts with shorter ones.
    """

    def __init__(self, tokens: int = 10, *, longest: int = 3, shortest: int = 2) -> None:
        if not (tokens >= 1 and longest >= shortest >= 1):
            raise ValueError(
                f"wanted tokens of 1 or more and longest >= shortest >= 1, got {tokens=}, {longest=}, {shortest=}; "
                "10, 3 and 2 are usual"
            )
        self.tokens, self.longest, self.shortest = tokens, longest, shortest
        self.moods: dict[int, Mood] = {}

    def propose(self, rows: Sequence[Row], most: Sequence[int], vocabulary: Vocabulary) -> list[Draft]:
        return [Draft(self._look_up(row, count)) for row, count in zip(rows, most, strict=True)]

    def learn(self, row: Row, proposed: int, accepted: int) -> None:
        mood = self.moods.setdefault(id(row), Mood())
        if proposed and accepted:
            mood.wait = mood.penance = 0
        elif proposed:
            mood.penance = min(64, max(1, 2 * mood.penance))
            mood.wait = mood.penance
        if proposed:
            mood.size = min(self.tokens, 2 * proposed) if accepted == proposed else max(2, accepted)

    def select(self, places: Sequence[int]) -> None:
        """Rows are known by themselves."""

    def _look_up(self, row: Row, most: int) -> list[int]:
        mood = self.moods.setdefault(id(row), Mood(size=min(4, self.tokens)))
        if mood.wait:
            mood.wait -= 1
            return []
        text = [*row.prompt, *row.ids]
        for size in range(min(self.longest, len(text) - 1), self.shortest - 1, -1):
            tail = text[-size:]
            for end in range(len(text) - 1, size - 1, -1):
                if text[end - 1] == tail[-1] and text[end - size : end] == tail:
                    return text[end : end + min(most, mood.size)]
        return []


@dataclass
class Mood:
    """How far a row's guesses are trusted: ids a guess, steps to wait, and the length of the last wait."""

    size: int = 4
    wait: int = 0
    penance: int = 0


class DraftModel:
    """A smaller model with the same vocabulary writes `tokens` ids ahead, with the same settings."""

    def __init__(self, model: LanguageModel, tokens: int = 4) -> None:
        if tokens < 1:
            raise ValueError(f"wanted tokens of 1 or more, got {tokens}; 4 is usual")
        self.model, self.tokens = model, tokens
        self.session: Session | None = None

    def propose(self, rows: Sequence[Row], most: Sequence[int], vocabulary: Vocabulary) -> list[Draft]:
        if self.session is None:
            self.session = Session(self.model, len(rows), self.model.n_ctx)
        texts = [[*row.prompt, *row.ids] for row in rows]
        count = min(self.tokens, max(most), self.model.n_ctx - max(map(len, texts)))
        if count < 1:
            return [Draft([]) for _ in rows]
        kept = [min(held, len(text) - 1) for held, text in zip(self.session.held, texts, strict=True)]
        self.session.cut(kept)
        logits = self.session.feed([text[held:] for held, text in zip(kept, texts, strict=True)])
        ids: list[list[int]] = [[] for _ in rows]
        distributions = []
        for place in range(count):
            if place:
                logits = self.session.feed([one[-1:] for one in ids])
            changed = self._changed(logits, rows, ids, vocabulary)
            distributions.append(changed.softmax(dim=-1))
            is_greedy = rows[0].settings.is_greedy
            chosen = greedy(changed) if is_greedy else sample(changed, draw_uniforms([row.draws for row in rows]))
            for one, token in zip(ids, chosen.tolist(), strict=True):
                one.append(token)
        stacked = torch.stack(distributions, dim=1)
        return [
            Draft(one[:count], probabilities[:count])
            for one, probabilities, count in zip(ids, stacked, most, strict=True)
        ]

    def _changed(
        self, logits: Float[Tensor, "B V"], rows: Sequence[Row], ids: list[list[int]], vocabulary: Vocabulary
    ) -> Float[Tensor, "B V"]:
        """With the settings of the first row, which all rows share."""
        transforms = cached_transforms_of(rows[0].settings, vocabulary)
        written = [[*row.ids, *one] for row, one in zip(rows, ids, strict=True)]
        past = histories([row.prompt for row in rows], written, logits.device)
        return processed(logits, transforms, past, [row.draws for row in rows])

    def learn(self, row: Row, proposed: int, accepted: int) -> None:
        """A model needs no lesson."""

    def select(self, places: Sequence[int]) -> None:
        if self.session is not None:
            self.session.select(places)
