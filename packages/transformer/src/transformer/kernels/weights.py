"""What the kernels ask of a layer that holds its weights in its own way, and of an `nn.Linear`."""

from enum import IntEnum
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Kind(IntEnum):
    """The form of the weights; `Kind` of activations.hpp, number for number."""

    FLOAT32 = 0
    BFLOAT16 = 1
    INT8 = 2
    """Whole numbers that meet activations rounded to whole numbers too, a scale for each row of either."""
    INT4 = 3
    INT8_WEIGHTS = 4
    """Whole numbers that meet activations as they are."""


@runtime_checkable
class Weights(Protocol):
    """A linear layer, or a table as an output head, whose weights the kernels can read; `quantization` brings some.

    The tensors are the layer's buffers (or parameters), so that the kernels see when one is replaced or written to.
    """

    weight: Tensor
    """[out, in]; for INT4 uint8 [out, in / 2], the even column in the lower half of a byte."""
    scale: Tensor | None
    """float32, [out] for eight bits, [out, in / group_size] for four; None for floating-point weights."""
    zero: Tensor | None
    """[out, in / group_size], the four-bit number that stands for 0; None means 8, which the kernels want."""
    bias: Tensor | None
    """float32 [out], or None."""
    group_size: int | None
    """Weights of a row that share a scale; None for all of the row."""

    @property
    def kind(self) -> Kind:
        """The form of the weights."""

    def restored(self) -> Float[Tensor, "out in"]:
        """The weights in float32."""

    def rows(self, rows: slice) -> tuple[Float[Tensor, "some in"], Float[Tensor, " some"] | None]:
        """Weight and bias of some outputs, as `torch.nn.functional.linear` wants them."""

    def logits(self, x: Float[Tensor, "... in"]) -> Float[Tensor, "... out"]:
        """x @ weight.T + bias by the layer's own product."""


def kind_of(layer: nn.Module) -> Kind | None:
    """The form of a layer's weights; None where the kernels do not know it."""
    if isinstance(kind := getattr(layer, "kind", None), Kind):
        return kind
    return Kind.FLOAT32 if type(layer) is nn.Linear and layer.weight.dtype == torch.float32 else None
