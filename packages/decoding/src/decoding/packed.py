"""Weights of linear layers in the layout that the processor likes best, for the length of a decoding session."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

SMALLEST = 1 << 18
"""Numbers in a weight from which packing is worth the memory."""


class PackedWeights(TorchFunctionMode):
    """Inside `with`, products of two and more rows with a large float32 parameter run on a copy packed once for oneDNN
    (what a frozen `torch.compile` uses): at 4 to 16 rows in about half the time, for as much memory again as the
    weights.

    The model and its files stay as they are. A weight is packed when it is first used, and anew when it was changed in
    place; of a single row plain torch reads the weights just as fast, so there nothing happens. Packing takes about as
    long as five steps; whoever decodes often keeps one object and hands it to every call (`pack=`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.packed: dict[int, tuple[Tensor, int, Tensor]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is linear and not kwargs and worth_packing(*args):
            return torch.ops.mkldnn._linear_pointwise(args[0], self.of(args[1]), *(args[2:] or [None]), "none", [], "")
        return func(*args, **(kwargs or {}))

    def of(self, weight: Tensor) -> Tensor:
        """The packed copy of `weight`."""
        known = self.packed.get(id(weight))
        if known is None or known[0] is not weight or known[1] != weight._version:
            known = weight, weight._version, torch.ops.mkldnn._reorder_linear_weight(weight.detach(), None)
            self.packed[id(weight)] = known
        return known[2]


def worth_packing(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> bool:
    """True for a large float32 parameter on the CPU and an x of several rows."""
    return (
        isinstance(weight, torch.nn.Parameter)
        and weight.numel() >= SMALLEST
        and x.numel() > x.shape[-1]
        and x.dtype == weight.dtype == torch.float32
        and weight.device.type == x.device.type == "cpu"
        and (bias is None or bias.dtype == torch.float32)
        and not weight.is_inference()
    )


def packing_is_there() -> bool:
    """Whether this torch has oneDNN and its two functions (they are not public)."""
    return torch.backends.mkldnn.is_available() and all(
        hasattr(torch.ops.mkldnn, name) for name in ("_reorder_linear_weight", "_linear_pointwise")
    )
