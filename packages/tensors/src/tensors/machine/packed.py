"""Weights in the layout that oneDNN likes best."""

import torch
from torch import Tensor

from .products import FastProducts

SMALLEST = 1 << 18
"""Numbers in a weight from which packing is worth the memory."""


class PackedWeights(FastProducts):
    """Inside `with`, products of two and more rows with a large float32 parameter run on a copy packed once for oneDNN
    (what a frozen `torch.compile` uses): at 4 to 16 rows in about half the time, for as much memory again as the
    weights.

    The model and its files stay as they are. A weight is packed when it is first used, and anew when it was changed in
    place; a single row is read just as fast without (`tensors.fast_linear`). Packing takes about as long as five steps;
    whoever decodes often keeps one object and hands it to every call (`pack=`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.packed: dict[int, tuple[Tensor, int, Tensor]] = {}

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if worth_packing(x, weight, bias):
            return torch.ops.mkldnn._linear_pointwise(x, self.of(weight), bias, "none", [], "")
        return super().product(x, weight, bias)

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
