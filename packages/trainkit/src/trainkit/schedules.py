"""Learning-rate schedules: plain functions from the number of a step (0 for the first) to a factor on the base rate."""

import math
from collections.abc import Callable


def constant(warmup: int = 0) -> Callable[[int], float]:
    """1, after a linear rise over `warmup` steps: (n + 1) / warmup, so that the first step already moves."""
    _check(None, warmup)
    return lambda step: _rise(step, warmup)


def linear_to_zero(steps: int, warmup: int = 0) -> Callable[[int], float]:
    """Falls to 0 on a line that ends right after the last step (arXiv 2502.15938)."""
    _check(steps, warmup)
    return lambda step: _rise(step, warmup) * (1 - _progress(step, steps, warmup))


def cosine(steps: int, warmup: int = 0, floor: float = 0.1) -> Callable[[int], float]:
    """Half a cosine from 1 to `floor` (a fraction of the peak), constant after `steps` (arXiv 1608.03983, equation 5).

    Without warmup it equals `torch.optim.lr_scheduler.CosineAnnealingLR(T_max=steps, eta_min=floor * lr)`.
    """
    _check(steps, warmup)
    if not 0 <= floor <= 1:
        raise ValueError(f"wanted 0 <= floor <= 1, the part of the rate that is left at the end, got {floor}; try 0.1")

    def factor(step: int) -> float:
        if step < warmup:
            return _rise(step, warmup)
        return floor + (1 - floor) * (1 + math.cos(math.pi * _progress(step, steps, warmup))) / 2

    return factor


def warmup_stable_decay(steps: int, warmup: int = 0, decay: float = 0.2) -> Callable[[int], float]:
    """1 after the warmup, then for the last `decay` of all steps a line to 0 (arXiv 2404.06395). The stable stretch can
    be lengthened later, because nothing before the decay depends on `steps`.
    """
    _check(steps, warmup)
    if not 0 < decay <= 1:
        raise ValueError(f"wanted 0 < decay <= 1, the part of the steps in which the rate falls, got {decay}; try 0.2")
    fall = max(1, round(decay * steps))
    return lambda step: min(_rise(step, warmup), max(0.0, (steps - step) / fall), 1.0)


def _check(steps: int | None, warmup: int) -> None:
    if not 0 <= warmup < (math.inf if steps is None else steps) or steps == math.inf:
        raise ValueError(
            f"wanted 0 <= warmup < steps, got warmup {warmup} and steps {steps}; steps is the length of the whole run"
        )


def _rise(step: int, warmup: int) -> float:
    return min(1.0, (step + 1) / warmup) if warmup else 1.0


def _progress(step: int, steps: int, warmup: int) -> float:
    """0 at the end of the warmup, 1 from `steps` on."""
    return min(1.0, max(0, step - warmup) / (steps - warmup))
