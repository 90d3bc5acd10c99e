"""What any loss over classes must keep: `contract.check_loss(loss)`, with torch's cross-entropy as the judge."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from workbench import Broken, BrokenClaim, Held

Loss = Callable[[Tensor, Tensor], tuple[Any, Any]]
CASES = ((1, 1, 2), (1, 3, 2), (2, 3, 5))
"""Rows, tokens and classes, smallest first."""


def check_loss(loss: Loss, *, ignored: int = -100) -> Held:
    """Try every claim and return those that held; raise `BrokenClaim` (an AssertionError) at the first that did not.

    It is called as `loss(logits, targets)`, logits [B, T, V] and int64 targets [B, T], target t belonging to the logits
    at t, and returns the summed nats and how many targets they are. Targets that are `ignored` are padding.
    """
    for claim in CLAIMS:
        words = claim.__name__.replace("_", " ")
        for rows, tokens, classes in CASES:
            draw = torch.Generator().manual_seed(rows + tokens + classes)
            logits = 2 * torch.randn(rows, tokens, classes, generator=draw)
            targets = torch.randint(classes, (rows, tokens), generator=draw)
            smallest = f"logits [B, T, V] = {[rows, tokens, classes]}, targets {targets.tolist()}"
            try:
                evidence = claim(loss, logits, targets, ignored)
            except Exception as error:
                raise BrokenClaim(Broken(words, f"it raised {type(error).__name__}: {error}", smallest)) from error
            if evidence is not None:
                raise BrokenClaim(Broken(words, evidence, smallest))
    return Held(claim.__name__.replace("_", " ") for claim in CLAIMS)


def _off(what: str, got: Any, wanted: Any) -> str | None:
    """Evidence where two numbers are not the same to four digits."""
    got, wanted = float(got), float(wanted)
    return (
        None if abs(got - wanted) <= 1e-4 * max(1.0, abs(wanted)) else f"{what} {got:.6g}, where {wanted:.6g} was due"
    )


def the_loss_is_a_sum_and_a_count(loss: Loss, logits: Tensor, targets: Tensor, ignored: int) -> str | None:
    total, count = loss(logits, targets)
    wanted = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    return _off("the count is", count, targets.numel()) or _off("the sum of nats is", total, wanted)


def each_target_belongs_to_its_own_logits(loss: Loss, logits: Tensor, targets: Tensor, ignored: int) -> str | None:
    """Another target changes what the logits of its own place are told, and no other's."""
    before = _slopes(loss, logits, targets)
    for row in range(targets.shape[0]):
        for place in range(targets.shape[1]):
            changed = targets.clone()
            changed[row, place] = (changed[row, place] + 1) % logits.shape[-1]
            told = ((_slopes(loss, logits, changed) - before).abs() > 1e-6).any(-1)
            told[row, place] ^= True
            if told.any():
                where = told.nonzero().tolist()
                return f"target {place} of row {row} was changed, and logits were told wrongly at (row, place) {where}"
    return None


def _slopes(loss: Loss, logits: Tensor, targets: Tensor) -> Tensor:
    given = logits.clone().requires_grad_()
    return torch.autograd.grad(loss(given, targets)[0], given)[0]


def padding_counts_nothing(loss: Loss, logits: Tensor, targets: Tensor, ignored: int) -> str | None:
    """Padding behind each row, with logits of its own, changes neither the sum nor the count."""
    total, count = loss(logits, targets)
    behind = torch.cat([targets, torch.full_like(targets[:, :1], ignored)], dim=1)
    after, counted = loss(torch.cat([logits, 7 * logits[:, :1].flip(-1)], dim=1), behind)
    return _off("with padding the count is", counted, count) or _off("with padding the sum of nats is", after, total)


def the_gradient_is_the_probabilities_less_the_truth(
    loss: Loss, logits: Tensor, targets: Tensor, ignored: int
) -> str | None:
    wanted = logits.softmax(-1) - functional.one_hot(targets, logits.shape[-1])
    apart = float((_slopes(loss, logits, targets) - wanted).abs().max())
    return None if apart <= 1e-5 else f"the gradient of the logits is off softmax less one-hot by {apart:.2g}"


def logits_of_a_thousand_stay_finite(loss: Loss, logits: Tensor, targets: Tensor, ignored: int) -> str | None:
    large = 1000 * logits
    wanted = functional.cross_entropy(large.flatten(0, 1), targets.flatten(), reduction="sum")
    return _off("the sum of nats is", loss(large, targets)[0], wanted)


CLAIMS: tuple[Callable[[Loss, Tensor, Tensor, int], str | None], ...] = (
    each_target_belongs_to_its_own_logits,
    the_loss_is_a_sum_and_a_count,
    padding_counts_nothing,
    the_gradient_is_the_probabilities_less_the_truth,
    logits_of_a_thousand_stay_finite,
)
