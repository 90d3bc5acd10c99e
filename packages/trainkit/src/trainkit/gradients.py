"""One step's gradients: summed over micro-batches and ranks, divided once, clipped."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from .machine.batch_device import autocast, move
from .processes.ranks import Spread, even_out, n_ranks, sums_over_ranks, whole
from .stopwatch import Stopwatch, timed

Loss = Callable[[Any, Any], tuple[Tensor, Tensor | int]]
"""`loss(model, batch) -> (total, count)`: a sum over the items of a batch and how many they were."""


def checked(micro_batches: Any) -> Sequence[Any]:
    """The micro-batches of a step, or an error that explains the difference between a batch and a list of them."""
    if not isinstance(micro_batches, list) or not micro_batches:
        got = "an empty list" if micro_batches == [] else f"a {type(micro_batches).__name__}"
        raise TypeError(
            f"wanted each step as a non-empty list of micro-batches, got {got}; write [batch] for a single one"
        )
    return micro_batches


def call(model: nn.Module, loss: Loss, batch: Any) -> tuple[Tensor, Tensor | int]:
    """The loss of a plain model, or of one spread over processes; TypeError for a loss of another form."""
    found = model(loss, batch) if isinstance(model, Spread) else loss(model, batch)
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        got = f"a tensor {list(found.shape)}" if isinstance(found, Tensor) else _kind(found)
        raise TypeError(
            f"wanted a loss that returns (sum, count), got {got}; return the sum over the items, not their mean, and "
            "how many there were: cross_entropy(logits, targets) of trainkit does"
        )
    total, count = found
    if not isinstance(total, Tensor) or total.numel() != 1:
        got = f"a tensor {list(total.shape)}" if isinstance(total, Tensor) else _kind(total)
        raise TypeError(f"wanted a loss whose sum is one number in a tensor, got {got}; call .sum() on it")
    if isinstance(count, Tensor) and count.numel() != 1:
        raise TypeError(f"wanted a loss whose count is one number, got a tensor {list(count.shape)}; call .sum() on it")
    return total, count


def check_stream(batches: Any) -> None:
    """TypeError for what is often given in place of steps: a torch DataLoader, whose elements are bare batches."""
    collate = getattr(batches, "collate_fn", None)
    if isinstance(batches, torch.utils.data.DataLoader) and collate is torch.utils.data.default_collate:
        raise TypeError(
            "wanted steps, each a list of micro-batches, got a torch DataLoader, whose elements are single batches; "
            "write ([batch] for batch in loader), or use Batches of dataio, which can be resumed"
        )
    if isinstance(batches, Tensor):
        raise TypeError(
            f"wanted steps, each a list of micro-batches, got a tensor {list(batches.shape)}; write [[batch]] for a "
            "single step"
        )


def _kind(value: Any) -> str:
    return f"{len(value)} values" if isinstance(value, (tuple, list)) else f"a {type(value).__name__}"


def backward(
    model: nn.Module,
    micro_batches: Sequence[Any],
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    *,
    device: torch.device | str,
    precision: torch.dtype | None = None,
    scaler: torch.amp.GradScaler | None = None,
    watch: Stopwatch | None = None,
) -> tuple[float, float, int | float, float]:
    """Leave the items' summed gradients in `.grad`; returns mean loss, norm of the mean gradient, count, and the factor
    that turns the summed gradients into the mean (torch's engines average over ranks where we want a sum).
    """
    if not model.training:
        model.train()
    if isinstance(model, Spread):
        with autocast(device, precision):
            model.rehearse(loss, move(checked(micro_batches)[-1], device))
    optimizer.zero_grad(set_to_none=True)
    pairs = []
    batches = even_out(checked(micro_batches), model)
    for position, (batch, weight) in enumerate(batches):
        with model.collecting(last=position == len(batches) - 1) if isinstance(model, Spread) else nullcontext():
            with timed(watch, "forward"), autocast(device, precision):
                total, count = call(model, loss, move(batch, device))
            with timed(watch, "backward"):
                scaled = scaler.scale(total) if scaler else total
                (scaled if weight else scaled * weight).backward()
        pairs.append((total.detach(), count, weight))
    # Read only now: a read waits for the device, and the micro-batches should queue up without waiting.
    summed, items = sums_over_ranks(
        [sum(float(total) * weight for total, _, weight in pairs), sum(float(n) * weight for _, n, weight in pairs)],
        model,
    )
    if not items > 0:
        raise ValueError(
            f"wanted at least one item in a step's loss, got a count of {items:g}; are all targets ignored?"
        )
    if scaler:
        scaler.unscale_(optimizer)
    factor = (n_ranks() if isinstance(model, Spread) else 1) / items
    with timed(watch, "optimizer"):
        norm = float(whole(torch.nn.utils.get_total_norm(gradients(optimizer)))) * factor
    return summed / items, norm, whole_number(items), factor


def whole_number(count: float) -> int | float:
    """A count as the integer that it is; only class weights make it a fraction."""
    return int(count) if count.is_integer() else count


def gradients(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]


def scale_gradients(optimizer: torch.optim.Optimizer, factor: float, norm: float, clip: float | None) -> None:
    """Mean and clipping (to `clip`, as torch's `clip_grad_norm_`) in one pass over the gradients."""
    bound = 1.0 if clip is None else min(1.0, clip / (norm + 1e-6))
    torch._foreach_mul_(gradients(optimizer), factor * bound)
