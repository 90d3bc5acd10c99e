"""The training loop as an iterator: one element per optimizer step, everything else is the caller's `for` body."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from tensors import keep_freed_memory

from .gradients import Loss, backward, check_stream, scale_gradients
from .machine.batch_device import device_of
from .machine.freed_memory import given_back
from .processes.ranks import check_spread
from .spikes import LossSpike, NonFiniteLoss, SpikeGuard
from .stopwatch import Stopwatch, timed

Schedule = Callable[[int], float]
"""`schedule(n)`: factor on every group's base learning rate for the step with 0-based number n."""


@dataclass(frozen=True)
class Step:
    """What one optimizer step did. `number` counts finished steps of the whole run: 1 after the first."""

    number: int
    loss: float
    """Mean over the step's items (of all processes), before the update."""
    gradient_norm: float
    """Euclidean norm of the mean gradient, before clipping."""
    learning_rate: float
    """Of the optimizer's first parameter group."""
    items: int | float
    """The loss function's count: tokens, images, ..."""
    seconds: float
    """From asking for the batch to the end of the update."""
    skipped: bool = False
    """No update was made: a spike within the guard's limit, or a float16 overflow that the scaler answers."""


def train_steps(
    model: nn.Module,
    batches: Iterable[Sequence[Any]],
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    *,
    schedule: Schedule | None = None,
    schedules: Mapping[str, Schedule] | None = None,
    clip: float | None = 1.0,
    start: int | None = None,
    device: torch.device | str | None = None,
    precision: torch.dtype | None = None,
    scaler: torch.amp.GradScaler | None = None,
    guard: SpikeGuard | None = None,
    watch: Stopwatch | None = None,
) -> Iterator[Step]:
    """Train, one yielded `Step` per optimizer step.

    Each element of `batches` is one step: the list of its micro-batches. The gradients of their totals are summed and
    divided once by the step's count, so cutting a step differently, or raggedly, changes nothing but rounding.

    `start` is the number of steps already taken (default: `batches.start`, else 0). `clip` bounds the norm of the mean
    gradient (Pascanu et al., arXiv 1211.5063). Batches move to `device` (default: where the model is); at the end
    `batches.close()` is called where there is one. Raises `NonFiniteLoss` before a bad step touches anything.

    `schedules` are the same for other values of the groups that have them, such as weight_decay or momentum.

    `precision` autocasts the forward pass: torch.bfloat16 as it is, torch.float16 with a `scaler`. `guard` also
    watches for spikes. A model from `spread` trains with all processes. `watch` books the time of data, forward,
    backward and optimizer.
    """
    if clip is not None and not clip > 0:
        raise ValueError(f"wanted clip > 0, or None for no clipping, got {clip}; leave it out for the usual 1.0")
    if precision is torch.float16 and scaler is None:
        raise ValueError(
            "wanted a scaler with float16, whose small gradients vanish, got none; pass torch.amp.GradScaler"
        )
    check_stream(batches)
    check_spread(model)
    keep_freed_memory(2**31 - 1)  # all that glibc can be told: each step needs again what the last one freed
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
    number = int(getattr(batches, "start", 0)) if start is None else start
    place, judge = device or device_of(model), guard or SpikeGuard(window=0)
    take = partial(
        take_step,
        model,
        loss,
        optimizer,
        schedule=schedule,
        schedules=schedules,
        clip=clip,
        device=place,
        precision=precision,
        scaler=scaler,
        guard=judge,
        watch=watch,
    )
    return _steps(batches, number, take, watch, model)


def take_step(
    model: nn.Module,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    micro_batches: Sequence[Any],
    number: int,
    began: float,
    *,
    schedule: Schedule | None,
    schedules: Mapping[str, Schedule] | None = None,
    clip: float | None,
    device: torch.device | str,
    precision: torch.dtype | None,
    scaler: torch.amp.GradScaler | None,
    guard: SpikeGuard,
    watch: Stopwatch | None,
) -> Step:
    """One optimizer step, the one with 0-based `number`: rate, gradients, verdict, update. `began` is when its batch
    was asked for; the other arguments are those of `train_steps`."""
    set_values(optimizer, schedules or {}, number)
    rate = set_learning_rate(optimizer, schedule, number)
    mean, norm, count, factor = backward(
        model, micro_batches, loss, optimizer, device=device, precision=precision, scaler=scaler, watch=watch
    )
    overflow = scaler is not None and math.isfinite(mean) and not math.isfinite(norm)
    try:
        skipped = not overflow and guard.skips(mean, norm, number + 1, rate)
    except (NonFiniteLoss, LossSpike):
        optimizer.zero_grad(set_to_none=True)
        raise
    if not skipped:
        with timed(watch, "optimizer"):
            scale_gradients(optimizer, factor, norm, clip)
            scaler.step(optimizer) if scaler else optimizer.step()
    if scaler:
        scaler.update()
    return Step(number + 1, mean, norm, rate, count, time.perf_counter() - began, skipped or overflow)


def _steps(
    batches: Iterable[Sequence[Any]],
    number: int,
    take: Callable[[Sequence[Any], int, float], Step],
    watch: Stopwatch | None,
    model: nn.Module,
) -> Iterator[Step]:
    stream = iter(batches)
    try:
        with given_back(model):
            began = time.perf_counter()
            while (micro_batches := _read(stream, watch)) is not None:
                yield take(micro_batches, number, began)
                number += 1
                began = time.perf_counter()
    finally:
        if hasattr(batches, "close"):
            batches.close()


def _read(stream: Iterator[Sequence[Any]], watch: Stopwatch | None) -> Sequence[Any] | None:
    with timed(watch, "data"):
        return next(stream, None)


def set_learning_rate(optimizer: torch.optim.Optimizer, schedule: Schedule | None, step: int) -> float:
    """Set every group's rate for the step with 0-based number `step`; returns the first group's."""
    if schedule is not None:
        factor = schedule(step)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
    return float(optimizer.param_groups[0]["lr"])


def set_values(optimizer: torch.optim.Optimizer, schedules: Mapping[str, Schedule], step: int) -> None:
    """The same for other values, by their names in the groups: each is that with which it began, times its factor."""
    for name, schedule in schedules.items():
        factor = schedule(step)
        for group in optimizer.param_groups:
            if name in group:
                group[name] = group.setdefault(f"initial_{name}", group[name]) * factor
