"""Which layers suffer most: each quantized alone, with all others in float."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor, nn

from .calibration import Calibration
from .conversion import plan_of, quantize
from .divergence import Divergence, divergences
from .module_tree import put, with_shared_tensors
from .sizes import bytes_of


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
    rows: Sequence[Int[Tensor, " T"]],
    how: str = "int4",
    *,
    calibration: Calibration | None = None,
) -> list[LayerCost]:
    """The cost of every layer that `how` changes, the worst first. `rows` are ids of a held-out text."""
    plan = plan_of(model, how)
    small = quantize(model, how, calibration=calibration)
    alone = {name: put(with_shared_tensors(model), name, small.get_submodule(name)) for name in plan}
    found = divergences(model, alone, rows)
    costs = [LayerCost(name, str(plan[name]), found[name], bytes_of(small.get_submodule(name))) for name in plan]
    return sorted(costs, key=lambda cost: cost.divergence.nats, reverse=True)
