"""The summed log-probability of each answer, several short ones in a row."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from evaluation import Estimate, estimate, share
from gpt2 import GPT2
from trainkit import evaluating

from ..curriculum import packed_states
from ..losses.logit_rows import log_probabilities_of
from ..packing import collated, fit
from .pairs import Pair

AT_A_TIME = 4
PackedPairs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def collated_pairs(pairs: Sequence[Pair]) -> PackedPairs:
    """Pairs in rows of the longest answer's length, by best fit: tokens, targets, positions, segments, and to which
    answer a place belongs, [B, T] each. The answers are counted pair by pair, the chosen one first."""
    answers = [example for pair in pairs for example in (pair.chosen, pair.rejected)]
    lengths = [len(example.ids) - 1 for example in answers]
    rows = fit(lengths, max(lengths))
    packed = collated([[answers[number] for number in row] for row in rows])
    width = max(map(len, rows))
    numbers = torch.tensor([[*row, *[-1] * (width - len(row))] for row in rows])
    segments = packed[3]
    owners = numbers.gather(1, segments.clamp(min=0)).where(segments >= 0, -1)
    return (*packed, owners)


def answer_log_probabilities(model: GPT2, batch: PackedPairs, n_pairs: int) -> Float[Tensor, "P 2"]:
    """Of each pair the log-probability of the chosen and of the rejected answer, summed over its tokens."""
    tokens, targets, positions, segments, owners = batch
    real = targets >= 0
    state = packed_states(model, (tokens, targets, positions, segments))[real]
    each = log_probabilities_of(model, state, targets[real])
    return each.new_zeros(2 * n_pairs).index_add(0, owners[real], each).view(n_pairs, 2)


def answer_tokens(pairs: Sequence[Pair]) -> Float[Tensor, "P 2"]:
    """How many tokens the answers have, their ends of text included."""
    return torch.tensor([[float(pair.chosen.n_learned), float(pair.rejected.n_learned)] for pair in pairs])


@dataclass(frozen=True)
class JudgedPairs:
    """For each pair the summed log-probabilities of its answers, and their tokens."""

    chosen: tuple[float, ...]
    rejected: tuple[float, ...]
    chosen_tokens: tuple[int, ...]
    rejected_tokens: tuple[int, ...]

    @property
    def preferred(self) -> Estimate:
        """Share of the pairs whose chosen answer is the likelier one, with Wilson's interval."""
        return share([a > b for a, b in zip(self.chosen, self.rejected, strict=True)])

    @property
    def chosen_nats(self) -> Estimate:
        """Nats a token of the chosen answers."""
        return estimate([-value for value in self.chosen], self.chosen_tokens)

    @property
    def rejected_nats(self) -> Estimate:
        """Nats a token of the rejected answers."""
        return estimate([-value for value in self.rejected], self.rejected_tokens)

    def moved(self, before: "JudgedPairs") -> Estimate:
        """Share of the pairs whose chosen answer gained more than the rejected one."""
        each = zip(self.chosen, self.rejected, before.chosen, before.rejected, strict=True)
        return share([c - c0 > r - r0 for c, r, c0, r0 in each])

    def tensor(self) -> Float[Tensor, "P 2"]:
        """The log-probabilities of each pair."""
        return torch.tensor([self.chosen, self.rejected], dtype=torch.float64).T


def judge_pairs(model: GPT2, pairs: Sequence[Pair]) -> JudgedPairs:
    """What a model thinks of the answers of pairs; nothing is learned or drawn."""
    device, found = model.final_norm.weight.device, []
    with evaluating(model):
        for start in range(0, len(pairs), AT_A_TIME):
            some = pairs[start : start + AT_A_TIME]
            tokens, targets, positions, segments, owners = (part.to(device) for part in collated_pairs(some))
            batch = (tokens, targets, positions, segments, owners)
            found += answer_log_probabilities(model, batch, len(some)).double().tolist()
    return JudgedPairs(
        tuple(chosen for chosen, _ in found),
        tuple(rejected for _, rejected in found),
        tuple(pair.chosen.n_learned for pair in pairs),
        tuple(pair.rejected.n_learned for pair in pairs),
    )
