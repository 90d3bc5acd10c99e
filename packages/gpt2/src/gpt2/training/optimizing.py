"""What of a recipe the optimizer follows: its groups, and how rates and the like change over the steps."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from trainkit import adamw, cosine, linear_to_zero, muon, warmup_stable_decay

from ..recipes import Recipe


def schedule_of(recipe: Recipe) -> Callable[[int], float]:
    """The factor of the learning rate at each step."""
    warmup = min(recipe.warmup, recipe.steps - 1)
    if recipe.schedule == "stable":
        return warmup_stable_decay(recipe.steps, warmup, decay=0.5)
    return {"linear": linear_to_zero, "cosine": cosine}[recipe.schedule](recipe.steps, warmup)


def schedules_of(recipe: Recipe) -> dict[str, Callable[[int], float]]:
    """The factors of weight decay, Muon's momentum and its lookahead at each step, where they are not constant."""
    made: dict[str, Callable[[int], float]] = {}
    if recipe.decay_schedule == "linear":
        made["weight_decay"] = linear_to_zero(recipe.steps)
    if recipe.momentum_ramp:
        made["momentum"] = partial(momentum_factor, steps=recipe.steps)
    if recipe.lookahead:
        made["lookahead"] = lambda step: float(recipe.steps <= 4 * step and 10 * step < 9 * recipe.steps)
    return made


def momentum_factor(step: int, steps: int) -> float:
    """From 0.85 / 0.95 to 1 over the first third, and back over the last tenth (as in modded-nanogpt)."""
    low, done = 0.85 / 0.95, step / steps
    return low + (1 - low) * min(1.0, 3 * done, 10 * (1 - done))


def optimizer_of(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Muon or AdamW with the recipe's rates and decay."""
    if recipe.optimizer == "adamw":
        return adamw(model, recipe.learning_rate, weight_decay=recipe.weight_decay)
    return muon(
        model,
        recipe.learning_rate,
        adam_learning_rate=recipe.adam_learning_rate,
        weight_decay=recipe.weight_decay,
        gram=recipe.muon_gram,
        fitted=recipe.muon_fitted,
        even=recipe.muon_even,
        pieces=(lambda name: 3 if name.endswith("attention.qkv.weight") else 1) if recipe.muon_split else None,
        cautious=recipe.cautious_decay,
        lookahead=recipe.lookahead,
        horizon=max(2.0, recipe.steps / 10),
    )
