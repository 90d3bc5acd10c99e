"""A quarter of the memory.

A weight takes four bytes, and most of its digits do not matter. So keep whole numbers from -127 to 127, one byte each,
and one number for each row that says how large a step is: its scale.

    whole = round(weight / scale)       weight ≈ whole * scale

The scale of a row is its largest magnitude divided by 127, so that all of -127 to 127 is used. One scale for each row
(each output of the layer), since a single large weight would else make the steps of all others too coarse.

A row of zeros must not divide by zero: its scale is 1.

Write `quantize` (whole numbers as torch.int8, and scales), and `restored`.
"""

import torch
from torch import Tensor


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers int8 [N, C] and scales [N, 1] of a weight [N, C]."""
    # hole
    # hint: weight.abs().amax(dim=1, keepdim=True) is the largest magnitude of each row, [N, 1].
    # hint: scale = largest / 127, and 1 where largest is 0: torch.where(largest > 0, largest / 127, 1.0).
    # hint: (weight / scale).round().to(torch.int8); without round, .to cuts toward zero.
    largest = weight.abs().amax(dim=1, keepdim=True)
    scale = torch.where(largest > 0, largest / 127, torch.ones_like(largest))
    return (weight / scale).round().to(torch.int8), scale
    # end


def restored(whole: Tensor, scale: Tensor) -> Tensor:
    """The weight [N, C], nearly, from whole numbers [N, C] and scales [N, 1]."""
    # hole
    # hint: The formula on the right of the text.
    # hint: A product with the scales broadcasts along each row.
    # hint: int8 times float is float, but be explicit: whole.float() * scale.
    numbers = whole.float()
    return numbers * scale
    # end
