"""Layers that hold their weights as small whole numbers and scales, and nothing else."""

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from transformer.kernels import products as kernels
from transformer.kernels.weights import Kind

from .packing import group_of, packed_weights, restored
from .schemes import Scheme, scheme

KINDS = {
    "float32": Kind.FLOAT32,
    "bfloat16": Kind.BFLOAT16,
    "int8": Kind.INT8,
    "int4": Kind.INT4,
    "int8-weight-only": Kind.INT8_WEIGHTS,
}
"""What the kernels call the schemes."""


class QuantizedLinear(nn.Module):
    """x @ weight.T + bias, with the weights as a scheme holds them. Buffers, which are all that a file holds:

    `weight`: int8 [out, in]; int4 as uint8 [out, in / 2], the even column in the lower half of a byte; bfloat16.
    `scale`: float32, [out] for int8, [out, in / group_size] for int4; none for bfloat16.
    `zero`: uint8 [out, in / group_size], the int4 number that stands for 0; none means 8.
    `bias`: float32 [out], or none.
    It keeps to `transformer.kernels.weights.Weights`, so other modules ask it for `rows` or `logits` without knowing
    how it holds its weights.
    """

    weight: Tensor
    scale: Tensor | None
    zero: Tensor | None
    bias: Tensor | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        scheme_name: str | Scheme = "int8",
        group_size: int | None = None,
        *,
        bias: bool = True,
        zero: bool = False,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        found = scheme(scheme_name)
        if found.name == "float32":
            raise ValueError("scheme: wanted one that holds weights smaller, got float32; keep the layer that is there")
        if found.name == "int4":
            found = Scheme("int4", group_of(in_features, group_size or found.group_size))
        self.in_features, self.out_features = in_features, out_features
        self.scheme, self.group_size = found.name, found.group_size
        for name, shape, dtype in self._shapes(bias, zero):
            buffer = None if shape is None else torch.zeros(shape, dtype=dtype, device=device)
            self.register_buffer(name, buffer)

    def _shapes(self, bias: bool, zero: bool) -> list[tuple[str, tuple[int, ...] | None, torch.dtype]]:
        rows, columns = self.out_features, self.in_features
        groups: tuple[int, ...] | None = None
        weight, dtype = (rows, columns), torch.int8
        if self.scheme == "bfloat16":
            dtype = torch.bfloat16
        elif self.scheme == "int4":
            assert self.group_size is not None
            weight, dtype, groups = (rows, columns // 2), torch.uint8, (rows, columns // self.group_size)
        scales = groups or (None if self.scheme == "bfloat16" else (rows,))
        return [
            ("weight", weight, dtype),
            ("scale", scales, torch.float32),
            ("zero", groups if zero else None, torch.uint8),
            ("bias", (rows,) if bias else None, torch.float32),
        ]

    def hold(self, buffers: dict[str, Tensor]) -> None:
        """Take these buffers as they are, without a copy."""
        for name, buffer in buffers.items():
            setattr(self, name, buffer.contiguous())

    def forward(self, x: Float[Tensor, "... in"]) -> Float[Tensor, "... out"]:
        """ValueError when the last dimension is not `in_features`."""
        return self.logits(x)

    @property
    def kind(self) -> Kind:
        """How the kernels read the weights."""
        return KINDS[self.scheme]

    def logits(self, x: Float[Tensor, "... in"]) -> Float[Tensor, "... out"]:
        """x @ weight.T + bias, whatever calling the layer does: for each output how well x fits its row."""
        if x.shape[-1] != self.in_features:
            raise ValueError(
                f"wanted x of shape [..., {self.in_features}]; got {list(x.shape)}; make the layer as wide as its input"
            )
        return kernels.linear(x, self)

    def rows(self, rows: slice) -> tuple[Float[Tensor, "some in"], Float[Tensor, " some"] | None]:
        """Weight and bias of some outputs in float32: what `torch.nn.functional.linear` takes."""
        weight, scale, zero, bias = (
            None if b is None else b[rows] for b in (self.weight, self.scale, self.zero, self.bias)
        )
        assert weight is not None
        return restored(weight, scale, zero), bias

    def restored(self) -> Float[Tensor, "out in"]:
        """The weights in float32: what the whole numbers stand for."""
        return restored(self.weight, self.scale, self.zero)

    def extra_repr(self) -> str:
        group = "" if self.group_size is None else f", group_size={self.group_size}"
        return f"{self.in_features}, {self.out_features}, {self.scheme}{group}, bias={self.bias is not None}"


class QuantizedEmbedding(QuantizedLinear):
    """A table whose rows are looked up; as a tied output head (`logits`) it is the same linear layer, without a bias.

    `factor` multiplies what a look-up returns (a token embedding's `scale`).
    """

    def __init__(self, *arguments: Any, factor: float = 1.0, **named: Any) -> None:
        super().__init__(*arguments, **{**named, "bias": False})
        self.factor = factor

    def forward(self, ids: Int[Tensor, "..."]) -> Float[Tensor, "... in"]:
        """Vectors of `ids`, float32. ValueError when an id is outside 0 ... out_features - 1."""
        flat = ids.reshape(-1)
        try:
            weight = self.weight.index_select(0, flat)
            scale, zero = (None if b is None else b.index_select(0, flat) for b in (self.scale, self.zero))
        except IndexError:
            low, high = int(ids.min()), int(ids.max())
            raise ValueError(
                f"wanted ids from 0 to {self.out_features - 1}; got {low} to {high}, shape {list(ids.shape)}; "
                "use the tokenizer that this vocabulary belongs to"
            ) from None
        return restored(weight, scale, zero).reshape(*ids.shape, self.in_features) * self.factor


Layer = TypeVar("Layer", bound=QuantizedLinear)


def layer_of(
    kind: type[Layer],
    weight: Float[Tensor, "out in"],
    bias: Tensor | None,
    how: Scheme,
    packed: Mapping[str, Tensor] | None = None,
) -> Layer:
    """The quantized layer of float weights; `packed` if a calibration has chosen the whole numbers already."""
    packed = packed_weights(weight.detach(), how) if packed is None else packed
    layer = kind(weight.shape[1], weight.shape[0], how, bias=bias is not None, zero="zero" in packed, device="meta")
    layer.hold({**packed} | ({} if bias is None else {"bias": bias.detach().float()}))
    return layer
