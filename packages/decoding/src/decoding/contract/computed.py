"""Claims about what a model computes, where the others say what must not change it: one that always gives the same
logits keeps all of those."""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..protocols import LanguageModel
from .inputs import texts, times
from .verdicts import fail, same

LEAST = 1e-7
"""What counts as a movement, relative to the largest logit."""


def a_token_changes_its_own_logits(model: LanguageModel, tolerance: float) -> None:
    """What was read last has a say in what comes next."""
    for time in times(model):
        _expect_movement(model, "a token changes its own logits", time, time - 1)


def an_earlier_token_changes_later_logits(model: LanguageModel, tolerance: float) -> None:
    """So has what was read before: asked of every token, in texts so short that any window holds them."""
    for time in [time for time in times(model) if 1 < time <= 3]:
        for earlier in range(time - 1):
            _expect_movement(model, "an earlier token changes later logits", time, earlier)


def _expect_movement(model: LanguageModel, claim: str, time: int, place: int) -> None:
    tokens = texts(model, 1, time)
    for attempt in (model, _awake(model)):  # a model that begins with zeros shows nothing of what it sees
        before = attempt(tokens, last_only=True)
        for step in range(1, model.n_vocab):
            other = tokens.clone()
            other[:, place] = (other[:, place] + step) % model.n_vocab
            after = attempt(other, last_only=True)
            if float((after - before).abs().nan_to_num(1.0).max()) > LEAST * float(before.abs().nan_to_num(0.0).max()):
                return
    fail(claim, f"token {place} was every other id, and the last logits stayed as they were", tokens)


def _awake(model: LanguageModel) -> LanguageModel:
    """With every weight moved a little, where it has any."""
    if not isinstance(model, nn.Module):
        return model
    moved, source = copy.deepcopy(model), torch.Generator().manual_seed(5)
    for weight in moved.parameters():
        if weight.is_floating_point():
            weight.data += 0.1 * torch.randn(weight.shape, generator=source).to(weight)
    return moved


def against(reference: Callable[[Tensor], Tensor]) -> Callable[[LanguageModel, float], None]:
    """The claim that a model gives the logits [B, T, V] that `reference` gives for the same tokens."""

    def the_logits_are_those_of_the_reference(model: LanguageModel, tolerance: float) -> None:
        """Whole texts, without a cache."""
        for time in times(model):
            tokens = texts(model, 2, time)
            same("the logits are those of the reference", model(tokens), reference(tokens), tolerance, tokens)

    return the_logits_are_those_of_the_reference


SIGHT_CLAIMS: Sequence[Callable[[LanguageModel, float], None]] = (
    a_token_changes_its_own_logits,
    an_earlier_token_changes_later_logits,
)
