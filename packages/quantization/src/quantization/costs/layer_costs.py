"""Which layers suffer most: each quantized alone, with all others in float."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor, nn

from workbench import Progress, Whole, unwatched

from ..conversion import plan_of, quantize
from ..module_tree import bytes_of, put, with_shared_tensors
from ..rounding.calibration import Calibration
from ..schemes import Scheme
from .divergence import Divergence, batches, divergences


@dataclass(frozen=True)
class LayerCost:
    """A layer held by a scheme: what that does to the model, and what it saves."""

    layer: str
    scheme: str
    divergence: Divergence
    n_bytes: int
    """Of the layer's buffers (or, in float32, its parameters)."""


def sensitivity(
    model: nn.Module,
    rows: Sequence[Int[Tensor, " _"]],
    how: str = "int4",
    *,
    calibration: Calibration | None = None,
    progress: Progress = unwatched,
) -> list[LayerCost]:
    """The cost of every layer that `how` changes, the worst first. `rows` are ids of a held-out text."""
    plan = plan_of(model, how)
    whole = Whole(len(plan) + steps_alone(plan, rows), progress)
    small = quantize(model, how, calibration=calibration, progress=whole)
    return costs_alone(model, small, plan, rows, whole)


def costs_alone(
    model: nn.Module,
    small: nn.Module,
    plan: Mapping[str, Scheme],
    rows: Sequence[Int[Tensor, " _"]],
    progress: Progress = unwatched,
) -> list[LayerCost]:
    """`sensitivity` of a model that has been quantized already, by this plan."""
    alone = {name: put(with_shared_tensors(model), name, small.get_submodule(name)) for name in plan}
    found = divergences(model, alone, rows, progress=progress)
    costs = [LayerCost(name, str(plan[name]), found[name], bytes_of(small.get_submodule(name))) for name in plan]
    return sorted(costs, key=lambda cost: cost.divergence.nats, reverse=True)


def steps_alone(plan: Mapping[str, Scheme], rows: Sequence[Int[Tensor, " _"]]) -> int:
    """Steps of progress that `costs_alone` takes."""
    return len(batches(rows)) * (1 + len(plan))
