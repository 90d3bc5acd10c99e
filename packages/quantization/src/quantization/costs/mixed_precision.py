"""A scheme for each layer, so that the whole is small enough, or good enough."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor, nn

from workbench import Progress, Whole, unwatched

from ..conversion import plan_of
from ..module_tree import bytes_of, quantizable_layers
from ..rounding.calibration import Calibration
from .divergence import Divergence
from .layer_costs import LayerCost, sensitivity, steps_alone

OPTIONS = ("bfloat16", "int8", "int4")


@dataclass(frozen=True)
class Plan:
    """Schemes by layer, the size of the whole model with them, and the divergence that the layers' own add up to."""

    layers: dict[str, str]
    n_bytes: int
    nats: float


def precision_path(
    model: nn.Module,
    rows: Sequence[Int[Tensor, " _"]],
    *,
    options: Sequence[str] = OPTIONS,
    calibration: Calibration | None = None,
    progress: Progress = unwatched,
) -> list[Plan]:
    """Plans from everything in float32 to every layer at its smallest, each with one layer smaller than the one before.

    The next step is always the one that saves most bytes for the divergence that it adds. Divergences are measured
    layer by layer, and added up: that many layers together do about what each does alone is an approximation
    (as in Frantar & Alistarh 2022, arXiv 2208.11580, section 5), so measure the plan that you choose.
    """
    costs = {name: [in_float(model, name)] for name, _ in quantizable_layers(model)}
    plans_of = {option: plan_of(model, option) for option in options}
    whole = Whole(sum(len(plan) + steps_alone(plan, rows) for plan in plans_of.values()), progress)
    for option in options:
        for cost in sensitivity(model, rows, option, calibration=calibration, progress=whole):
            costs[cost.layer].append(cost)
    chosen = {name: possible[0] for name, possible in costs.items()}
    n_bytes, plans = bytes_of(model), []
    while True:
        nats = sum(cost.divergence.nats for cost in chosen.values())
        plans.append(Plan({name: cost.scheme for name, cost in chosen.items()}, n_bytes, nats))
        steps = [
            (rate(chosen[name], cost), cost)
            for name, possible in costs.items()
            for cost in possible
            if cost.n_bytes < chosen[name].n_bytes
        ]
        if not steps:
            return plans
        _, best = min(steps, key=lambda step: (step[0], step[1].n_bytes))
        n_bytes -= chosen[best.layer].n_bytes - best.n_bytes
        chosen[best.layer] = best


def in_float(model: nn.Module, name: str) -> LayerCost:
    """A layer as it is."""
    return LayerCost(name, "float32", Divergence(0.0, 1.0, 0), bytes_of(model.get_submodule(name)))


def rate(now: LayerCost, then: LayerCost) -> float:
    """Divergence added for every byte saved."""
    return (then.divergence.nats - now.divergence.nats) / (now.n_bytes - then.n_bytes)


def within_bytes(plans: Sequence[Plan], n_bytes: float | int) -> Plan:
    """The first plan that is small enough; ValueError where even the last one is larger."""
    for plan in plans:
        if plan.n_bytes <= n_bytes:
            return plan
    raise ValueError(
        f"size: wanted at most {n_bytes:,.0f} bytes, got {plans[-1].n_bytes:,} with every layer at its smallest; "
        f"allow more, or choose a smaller model"
    )


def within_loss(plans: Sequence[Plan], loss_of: Callable[[dict[str, str]], float], loss: float | int) -> Plan:
    """The smallest plan whose measured loss is within `loss`, found by halving the path; `loss_of` measures the schemes
    of a plan, such as the growth of perplexity. The first plan, all in float, needs no measuring."""
    low, high = 0, len(plans)  # plans[low] is good enough, plans[high] is not (or does not exist)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if loss_of(plans[middle].layers) <= loss else (low, middle)
    return plans[low]
