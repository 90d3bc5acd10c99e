"""What preferences are learned from: pairs with what the model thought of them before, `batch_size` a step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from dataio import Batches
from gpt2 import GPT2

from .likelihoods import PackedPairs, answer_log_probabilities, answer_tokens, collated_pairs
from .objectives import dpo_loss, ipo_loss, simpo_loss
from .pairs import Pair
from .settings import PreferSettings

KnownPair = tuple[Pair, tuple[float, float]]
"""A pair, and the log-probabilities of its answers by the reference."""
Batch = tuple[PackedPairs, Tensor, Tensor]


@dataclass(frozen=True)
class Objective:
    """A loss of pairs with its constants."""

    loss: str
    beta: float
    margin: float

    @classmethod
    def of(cls, settings: PreferSettings) -> "Objective":
        return cls(settings.loss, settings.steepness, settings.lead)

    def __call__(self, found: Tensor, reference: Tensor, tokens: Tensor) -> Tensor:
        """The loss of each pair, [P], from [P, 2] each: log-probabilities of chosen and rejected answers, those by the
        reference, and their tokens."""
        if self.loss == "simpo":
            return simpo_loss(*found.unbind(1), *tokens.unbind(1), beta=self.beta, margin=self.margin)
        function = dpo_loss if self.loss == "dpo" else ipo_loss
        return function(*found.unbind(1), *reference.unbind(1), beta=self.beta)


def preference_loss(objective: Objective, model: GPT2, batch: Batch) -> tuple[Tensor, Tensor]:
    """The summed loss of a batch's pairs, and how many they are."""
    packed, reference, tokens = batch
    found = answer_log_probabilities(model, packed, len(reference))
    return objective(found, reference, tokens).sum(), torch.tensor(len(reference))


def collated_known(pairs: Sequence[KnownPair]) -> Batch:
    """Pairs packed, with the reference's log-probabilities and the answers' tokens, [P, 2] each."""
    plain = [pair for pair, _ in pairs]
    return collated_pairs(plain), torch.tensor([known for _, known in pairs]), answer_tokens(plain)


@dataclass(frozen=True)
class PreferenceCurriculum:
    """Pairs to learn from and pairs to judge by, each with the reference's log-probabilities: `gpt2.Curriculum`."""

    learned: tuple[KnownPair, ...]
    judged: tuple[KnownPair, ...]
    objective: Objective
    batch_size: int
    steps: int
    seed: int
    micro_batch_size: int | None = None
    """Pairs at a time (default: the whole batch)."""

    held_out_bytes = None

    @property
    def loss(self) -> partial[tuple[Tensor, Tensor]]:
        return partial(preference_loss, self.objective)

    @property
    def held_out_reference(self) -> Tensor:
        """What the reference thought of the pairs that are held out, [P, 2] in float64."""
        return torch.tensor([known for _, known in self.judged], dtype=torch.float64)

    @cached_property
    def batches(self) -> Batches:
        """The micro-batches of every step."""
        size = min(self.batch_size, len(self.learned))
        micro = self.micro_batch_size
        return Batches(self.learned, size, seed=self.seed, micro_batch_size=micro, collate=collated_known)

    def steps_from(self, start: int) -> Iterator[Sequence[Batch]]:
        """Those of a run's steps that come after the first `start`."""
        with self.batches.from_step(start, self.steps) as stream:
            yield from stream

    def held_out(self) -> Iterator[Sequence[Batch]]:
        """Every pair that is held out, once."""
        for start in range(0, len(self.judged), self.batch_size):
            yield [collated_known(self.judged[start : start + self.batch_size])]
