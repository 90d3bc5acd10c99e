"""Convolutions with small weights: they save memory; the product itself is computed in float."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from .packing import packed_weights, restored
from .schemes import Scheme

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class QuantizedConvolution(nn.Module):
    """A convolution with weights in int8, a scale for each output channel, or in bfloat16.

    Buffers: `weight` [out, in / groups, *kernel], `scale` float32 [out] (none for bfloat16), `bias` float32 [out].
    """

    weight: Tensor
    scale: Tensor | None
    bias: Tensor | None

    def __init__(
        self,
        shape: tuple[int, ...],
        scheme_name: str,
        *,
        bias: bool,
        device: torch.device | str | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__()
        self.shape, self.scheme, self.arguments = tuple(shape), scheme_name, arguments
        half = scheme_name == "bfloat16"
        self.register_buffer("weight", torch.zeros(shape, dtype=torch.bfloat16 if half else torch.int8, device=device))
        self.register_buffer("scale", None if half else torch.zeros(shape[0], device=device))
        self.register_buffer("bias", torch.zeros(shape[0], device=device) if bias else None)

    @classmethod
    def like(cls, layer: nn.Module, how: Scheme) -> "QuantizedConvolution":
        """One of the shape of `layer`, without memory for its buffers. Schemes of whole numbers all mean int8 here."""
        assert isinstance(layer, CONVOLUTIONS)
        name = "bfloat16" if how.name == "bfloat16" else "int8-weight-only"
        same = {key: getattr(layer, key) for key in ("stride", "padding", "dilation", "groups")}
        return cls(tuple(layer.weight.shape), name, bias=layer.bias is not None, device="meta", **same)

    @classmethod
    def of(cls, layer: nn.Module, how: Scheme) -> "QuantizedConvolution":
        """The quantized form of a convolution."""
        assert isinstance(layer, CONVOLUTIONS)
        made = cls.like(layer, how)
        packed = packed_weights(layer.weight.detach().flatten(1), Scheme(made.scheme))
        made.weight = packed["weight"].reshape(layer.weight.shape)
        made.scale = packed.get("scale")
        made.bias = None if layer.bias is None else layer.bias.detach().float()
        return made

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The convolution in float32, in the dtype of x."""
        convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[len(self.shape) - 3]
        weight = restored(self.weight.flatten(1), self.scale, None).reshape(self.shape)
        return convolve(x.float(), weight, self.bias, **self.arguments).to(x.dtype)

    def extra_repr(self) -> str:
        return f"{list(self.shape)}, {self.scheme}, bias={self.bias is not None}"
