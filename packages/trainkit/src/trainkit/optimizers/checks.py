"""What no optimizer can work with, refused before the first step as torch.optim does, and what it lets through."""

import math
from collections.abc import Sequence


def check_rate(name: str, value: float, *, zero: bool = False) -> None:
    """ValueError for a learning rate that is no finite number above 0. zero: 0 is fine, as in a schedule's end."""
    if not ((value >= 0 if zero else value > 0) and math.isfinite(value)):
        raise ValueError(f"wanted {name} {'>=' if zero else '>'} 0, got {value}; 3e-4 is usual for AdamW")


def check_decay(weight_decay: float) -> None:
    """ValueError for a weight decay that is no finite number of at least 0."""
    if not (weight_decay >= 0 and math.isfinite(weight_decay)):
        raise ValueError(f"wanted a finite weight_decay >= 0, got {weight_decay}; 0.1 is usual, 0 is none")


def check_betas(betas: Sequence[float]) -> None:
    """ValueError for other than two numbers from 0 to below 1: a mean with beta 1 never moves."""
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"wanted betas (b1, b2) with 0 <= b < 1, got {betas}; (0.9, 0.95) is usual")


def check_momentum(momentum: float) -> None:
    """ValueError for a momentum outside 0 to below 1."""
    if not 0 <= momentum < 1:
        raise ValueError(f"wanted 0 <= momentum < 1, got {momentum}; 0.95 is usual")


def check_epsilon(epsilon: float) -> None:
    """ValueError for an epsilon that is no finite number of at least 0."""
    if not (epsilon >= 0 and math.isfinite(epsilon)):
        raise ValueError(f"wanted a finite epsilon >= 0, got {epsilon}; 1e-8 is usual")


def check_lookahead(share: float, horizon: float) -> None:
    """ValueError for a share outside 0 to below 1, or one without a horizon of a step or more to be a share of."""
    if not (0 <= share < 1 and (1 <= horizon < math.inf or share == horizon == 0)):
        raise ValueError(
            f"wanted 0 <= lookahead < 1 and a horizon of at least 1 step, got {share} and {horizon}; 0.3 and a tenth "
            "of all steps are usual, 0 and 0 are none"
        )
