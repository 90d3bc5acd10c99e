"""The training loop as an iterator: one element per optimizer step, everything else is the caller's `for` body."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .batch_device import device_of, move

Loss = Callable[[Any, Any], tuple[Tensor, Tensor | int]]
"""`loss(model, batch) -> (total, count)`: a sum over the items of a batch and how many they were."""

Schedule = Callable[[int], float]
"""`schedule(n)`: factor on every group's base learning rate for the step with 0-based number n."""


class NonFiniteLoss(ValueError):
    """The loss or the gradient norm of a step is infinite or NaN; model and optimizer are as they were before it."""

    def __init__(self, step: int, learning_rate: float, loss: float, gradient_norm: float):
        super().__init__(
            f"wanted a finite loss and gradient norm, got loss {loss} and norm {gradient_norm} in step {step} at "
            f"learning rate {learning_rate:.3g}; the weights are those before it. Look for NaN in the data, lower the "
            f"rate or warm it up longer, then go on from the last checkpoint"
        )
        self.step, self.learning_rate, self.loss, self.gradient_norm = step, learning_rate, loss, gradient_norm


@dataclass(frozen=True)
class Step:
    """What one optimizer step did. `number` counts finished steps of the whole run: 1 after the first."""

    number: int
    loss: float
    """Mean over the step's items, before the update."""
    gradient_norm: float
    """Euclidean norm of the mean gradient, before clipping."""
    learning_rate: float
    """Of the optimizer's first parameter group."""
    items: int
    """The loss function's count: tokens, images, ..."""
    seconds: float
    """From asking for the batch to the end of the update."""


def train_steps(
    model: nn.Module,
    batches: Iterable[Sequence[Any]],
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    *,
    schedule: Schedule | None = None,
    clip: float | None = 1.0,
    start: int | None = None,
    device: torch.device | str | None = None,
) -> Iterator[Step]:
    """Train, one yielded `Step` per optimizer step.

    Each element of `batches` is one step: the list of its micro-batches. The gradients of their totals are summed and
    divided once by the step's count, so cutting a step differently, or raggedly, changes nothing but rounding.

    `start` is the number of steps already taken (default: `batches.start`, else 0). `clip` bounds the norm of the mean
    gradient (Pascanu et al., arXiv 1211.5063). Batches move to `device` (default: where the model is); at the end
    `batches.close()` is called where there is one. Raises `NonFiniteLoss` before a bad step touches anything.
    """
    if clip is not None and not clip > 0:
        raise ValueError(f"wanted clip > 0, or None for no clipping, got {clip}; leave it out for the usual 1.0")
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
    first = int(getattr(batches, "start", 0)) if start is None else start
    return _steps(model, batches, loss, optimizer, schedule, clip, first, device or device_of(model))


def _steps(model, batches, loss, optimizer, schedule, clip, start, device) -> Iterator[Step]:  # type: ignore[no-untyped-def]
    stream = iter(batches)
    try:
        number = start
        while True:
            began = time.perf_counter()
            micro_batches = next(stream, None)
            if micro_batches is None:
                return
            rate = set_learning_rate(optimizer, schedule, number)
            mean, norm, count = backward(model, micro_batches, loss, optimizer, device)
            if not (math.isfinite(mean) and math.isfinite(norm)):
                optimizer.zero_grad(set_to_none=True)
                raise NonFiniteLoss(number + 1, rate, mean, norm)
            scale_gradients(optimizer, clip_factor(norm, clip) / count)
            optimizer.step()
            number += 1
            yield Step(number, mean, norm, rate, count, time.perf_counter() - began)
    finally:
        if hasattr(batches, "close"):
            batches.close()


def set_learning_rate(optimizer: torch.optim.Optimizer, schedule: Schedule | None, step: int) -> float:
    """Set every group's rate for the step with 0-based number `step`; returns the first group's."""
    if schedule is not None:
        factor = schedule(step)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
    return float(optimizer.param_groups[0]["lr"])


def backward(
    model: nn.Module,
    micro_batches: Sequence[Any],
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    device: torch.device | str,
) -> tuple[float, float, int]:
    """Leave the SUM of the items' gradients in `.grad`; returns mean loss, norm of the mean gradient, count."""
    if not model.training:
        model.train()
    optimizer.zero_grad(set_to_none=True)
    pairs = []
    for batch in checked(micro_batches):
        total, count = loss(model, move(batch, device))
        total.backward()
        pairs.append((total.detach(), count))
    # Read only now: a read waits for the device, and the micro-batches should queue up without waiting.
    items = sum(int(count) for _, count in pairs)
    if items < 1:
        raise ValueError(f"wanted at least one item in a step's loss, got a count of {items}; are all targets ignored?")
    norm = float(torch.nn.utils.get_total_norm(gradients(optimizer)))
    return sum(float(total) for total, _ in pairs) / items, norm / items, items


def checked(micro_batches: Any) -> Sequence[Any]:
    """The micro-batches of a step, or an error that explains the difference between a batch and a list of them."""
    if not isinstance(micro_batches, list) or not micro_batches:
        got = "an empty list" if micro_batches == [] else f"a {type(micro_batches).__name__}"
        raise TypeError(
            f"wanted each step as a non-empty list of micro-batches, got {got}; write [batch] for a single one"
        )
    return micro_batches


def gradients(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]


def clip_factor(norm: float, clip: float | None) -> float:
    return 1.0 if clip is None else min(1.0, clip / (norm + 1e-6))


def scale_gradients(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Mean and clipping in one pass over the gradients."""
    torch._foreach_mul_(gradients(optimizer), factor)
