"""SGD, Adam and AdamW as formulas one can read. Tests hold them to torch.optim, whose fast versions do the training."""

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from .checks import check_betas, check_decay, check_epsilon, check_momentum, check_rate


def sgd(
    weights: Float[Tensor, "..."],
    gradient: Float[Tensor, "..."],
    velocity: Float[Tensor, "..."],
    *,
    learning_rate: float,
    momentum: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Downhill with momentum: v <- momentum v + g, w <- w - rate v. Start with velocity 0."""
    check_rate("learning_rate", learning_rate, zero=True)
    check_momentum(momentum)
    velocity = momentum * velocity + gradient
    return weights - learning_rate * velocity, velocity


@dataclass(frozen=True)
class Moments:
    """Adam's memory of one tensor: running means of gradient and squared gradient, and how many steps they saw."""

    mean: Tensor
    square: Tensor
    steps: int = field(default=0)


def adam(
    weights: Float[Tensor, "..."],
    gradient: Float[Tensor, "..."],
    moments: Moments,
    *,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple[Tensor, Moments]:
    """Adam (arXiv 1412.6980, algorithm 1); with `weight_decay` AdamW (arXiv 1711.05101, algorithm 2).

    Each weight moves by about the rate, whatever its gradient's size: mean / sqrt(square). Both means start at 0 and
    are therefore too small at first; dividing by 1 - beta^steps mends that. AdamW shrinks the weights directly, so that
    the decay is not divided by sqrt(square).
    """
    check_rate("learning_rate", learning_rate, zero=True)
    check_betas(betas)
    check_epsilon(epsilon)
    check_decay(weight_decay)
    steps = moments.steps + 1
    mean = betas[0] * moments.mean + (1 - betas[0]) * gradient
    square = betas[1] * moments.square + (1 - betas[1]) * gradient**2
    direction = (mean / (1 - betas[0] ** steps)) / ((square / (1 - betas[1] ** steps)).sqrt() + epsilon)
    return weights * (1 - learning_rate * weight_decay) - learning_rate * direction, Moments(mean, square, steps)
