"""Adam, the optimizer of nearly every language model.

Plain descent moves each weight by its gradient: weights with small gradients hardly move. Adam keeps two running means
for every weight, of its gradient and of its squared gradient, and moves it by mean / sqrt(square): about the learning
rate, however large the gradients are.

    mean   <- b1 mean   + (1 - b1) gradient
    square <- b2 square + (1 - b2) gradient²

Both begin at 0 and are too small at first; after step t (counted from 1) they are divided by 1 - b1^t and 1 - b2^t.
AdamW also shrinks the weight itself: by rate times decay, not through the gradient.

Write `adam`: new weight, mean and square; `epsilon` is added to the root. Change nothing that you are given.
"""

from torch import Tensor


def adam(
    weight: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    t: int,
    rate: float,
    betas: tuple[float, float] = (0.9, 0.95),
    epsilon: float = 1e-8,
    decay: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Weight, mean and square after step t (1 for the first)."""
    # hole
    # hint: New means first (as in the text), then corrected copies, then the weight. Return the means uncorrected.
    # hint: The direction: (mean / (1 - b1**t)) / ((square / (1 - b2**t)).sqrt() + epsilon)
    # hint: weight * (1 - rate * decay) - rate * direction
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    square = betas[1] * square + (1 - betas[1]) * gradient**2
    direction = (mean / (1 - betas[0] ** t)) / ((square / (1 - betas[1] ** t)).sqrt() + epsilon)
    return weight * (1 - rate * decay) - rate * direction, mean, square
    # end
