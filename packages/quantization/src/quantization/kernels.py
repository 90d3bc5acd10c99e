"""`linear`: the product of a quantized layer, by the fastest way that this machine has. Here: the readable one."""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from .layers import QuantizedLinear


def linear(x: Float[Tensor, "... in"], layer: "QuantizedLinear") -> Float[Tensor, "... out"]:
    """x @ weight.T + bias in the dtype of x."""
    return linear_reference(x, layer)


def linear_reference(x: Float[Tensor, "... in"], layer: "QuantizedLinear") -> Float[Tensor, "... out"]:
    """The specification: weights back in float32, then the product.

    With "int8" every row of x becomes whole numbers from -127 to 127 first, its largest at the end of that range.
    """
    wide = x.float()
    if layer.scheme == "int8":
        whole, scale = rows_in_eight_bits(wide)
        wide = whole * scale
    return functional.linear(wide, layer.restored(), layer.bias).to(x.dtype)


def rows_in_eight_bits(x: Float[Tensor, "... C"]) -> tuple[Float[Tensor, "... C"], Float[Tensor, "... 1"]]:
    """Whole numbers (as float32) and the scale of each row; a row with a number that is not finite becomes NaN."""
    scale = x.abs().amax(-1, keepdim=True) / 127
    whole = torch.where(scale > 0, x / scale, scale * 0).round().clamp(-127, 127)
    return whole, scale
