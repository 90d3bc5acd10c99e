"""Claims about a loss over answers: which tokens are learned, and that examples do not touch."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .subject import Subject

ExampleLoss = Callable[[Any, Sequence[tuple[Sequence[int], Sequence[bool]]]], tuple[Tensor, Tensor | int]]
EXAMPLES = (
    ((3, 8, 21, 40, 7, 9, 11), (False, False, False, True, True, False, False)),
    ((30, 4, 4, 12, 1), (False, True, False, False, True)),
)
"""Ids, and which of them are learned: an answer between what is read, and one that ends its example."""


def _wanted(subject: Subject, examples: Sequence[Any]) -> tuple[Tensor, list[Tensor]]:
    """The loss from whole logits, one example at a time, and its gradient in the weights that learn."""
    model = subject.base()
    parts = []
    for ids, learned in examples:
        own = model(torch.tensor([ids]))[0].log_softmax(-1)
        parts += [-own[place - 1, ids[place]] for place in range(1, len(ids)) if learned[place]]
    total = torch.stack(parts).sum()
    return total.detach(), list(torch.autograd.grad(total, list(model.parameters())))


def _got(subject: Subject, examples: Sequence[Any]) -> tuple[Tensor, int, list[Tensor]]:
    assert subject.loss is not None
    model = subject.base()
    total, count = subject.loss(model, examples)
    return total.detach(), int(count), list(torch.autograd.grad(total, list(model.parameters())))


def the_loss_is_the_sum_over_learned_tokens(subject: Subject) -> str | None:
    for example in EXAMPLES:
        wanted, _ = _wanted(subject, [example])
        got, count, _ = _got(subject, [example])
        if count != sum(example[1]):
            return f"{sum(example[1])} tokens are learned, and it counted {count}"
        if abs(float(got - wanted)) > 1e-4 * float(wanted):
            return f"the learned tokens have {float(wanted):.4f} nats, and it gave {float(got):.4f}"
    return None


def tokens_that_are_not_learned_have_no_gradient(subject: Subject) -> str | None:
    """As targets: what a token's own vector learns from being read stays."""
    _, wanted = _wanted(subject, EXAMPLES[:1])
    _, _, got = _got(subject, EXAMPLES[:1])
    apart = max(float((one - other).abs().max()) for one, other in zip(got, wanted, strict=True))
    return None if apart <= 1e-4 else f"the gradient of the learned tokens alone is off by {apart:.2g}"


def what_follows_the_last_answer_changes_nothing(subject: Subject) -> str | None:
    (ids, learned), _ = EXAMPLES
    others = (*ids[:5], 44, 45)
    one, other = _got(subject, [(ids, learned)]), _got(subject, [(others, learned)])
    return None if abs(float(one[0] - other[0])) <= 1e-5 else "two ids after the last answer changed the loss"


def examples_beside_each_other_do_not_touch(subject: Subject) -> str | None:
    together, count, slopes = _got(subject, EXAMPLES)
    wanted, alone = _wanted(subject, EXAMPLES)
    if count != sum(sum(learned) for _, learned in EXAMPLES):
        return f"two examples have {sum(sum(learned) for _, learned in EXAMPLES)} learned tokens, it counted {count}"
    if abs(float(together - wanted)) > 1e-4 * float(wanted):
        return f"alone two examples have {float(wanted):.4f} nats, and beside each other {float(together):.4f}"
    apart = max(float((one - other).abs().max()) for one, other in zip(slopes, alone, strict=True))
    return None if apart <= 1e-4 else f"beside each other, examples have a gradient that is off by {apart:.2g}"


LOSS_CLAIMS = (
    the_loss_is_the_sum_over_learned_tokens,
    tokens_that_are_not_learned_have_no_gradient,
    what_follows_the_last_answer_changes_nothing,
    examples_beside_each_other_do_not_touch,
)
