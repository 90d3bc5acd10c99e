"""`linear`: the product of a quantized layer, by the fastest way that this machine has."""

from ctypes import addressof
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int8, Int32
from torch import Tensor, nn
from torch.nn import functional

from tensors import fast_linear

from . import native

if TYPE_CHECKING:
    from quantization import QuantizedLinear

KINDS = {"float32": 0, "bfloat16": 1, "int8": 2, "int4": 3, "int8-weight-only": 4}
"""`Kind` of products.hpp."""
LANE, BLOCK = 8, 128
MANY = 32
"""Rows from which a product is bound by arithmetic, and torch's own are mostly faster than the kernels."""


def linear(x: Float[Tensor, "... in"], layer: "QuantizedLinear") -> Float[Tensor, "... out"]:
    """x @ weight.T + bias in the dtype of x: what `linear_reference` gives, nearly.

    On a CPU the C++ kernels compute it, if there is a compiler (see `native.library`). They add up in another order;
    with "int4" they round activations to whole numbers too, by blocks of 128, which is off by 1/254 of a block's
    largest number at most. Of many rows, as in prompts, torch computes what it is better at (`many_by_torch`).
    """
    if is_plain(x) and x.numel() >= MANY * x.shape[-1] and many_by_torch(layer):
        return linear_of_many(x, layer)
    if is_plain(x) and (library := native.library()) is not None and (fast := prepared(layer)) is not None:
        rows = x.reshape(-1, x.shape[-1]).float().contiguous()
        y = torch.empty(len(rows), fast.struct.rows)
        library.linear(fast.address, rows.data_ptr(), len(rows), y.data_ptr(), torch.get_num_threads())
        return y.reshape(*x.shape[:-1], -1).to(x.dtype) if len(rows) else y.reshape(*x.shape[:-1], fast.struct.rows)
    return linear_reference(x, layer)


def is_plain(x: Tensor) -> bool:
    """Numbers in the main memory, of which nobody wants a gradient or a trace."""
    wants_gradient = x.requires_grad and torch.is_grad_enabled()
    return type(x) is Tensor and x.device.type == "cpu" and not wants_gradient and not torch.compiler.is_compiling()


def many_by_torch(layer: nn.Module) -> bool:
    """Whether products of many rows are torch's: all but int4's, and int8's only where `torch_multiplies_bytes`.

    On a processor with AVX-512 VNNI alone oneDNN multiplies 128 rows of int8 in a quarter of the kernels' time; as a
    float32 product, weights unpacked for the moment included, bfloat16 takes less than half.
    """
    scheme = getattr(layer, "scheme", "float32")
    return scheme != "int4" and (scheme != "int8" or native.torch_multiplies_bytes())


def linear_of_many(x: Float[Tensor, "... in"], layer: "QuantizedLinear") -> Float[Tensor, "... out"]:
    """`linear_reference` by products that torch is fast at; sums of whole numbers are exact."""
    if layer.scheme != "int8":
        return fast_linear(x.float(), layer.restored(), layer.bias).to(x.dtype)
    assert layer.scale is not None
    whole, scale = rows_in_eight_bits(x.reshape(-1, x.shape[-1]).float())
    y = torch._int_mm(whole.to(torch.int8), layer.weight.T).float().mul_(scale).mul_(layer.scale)
    if layer.bias is not None:
        y.add_(layer.bias)
    return y.reshape(*x.shape[:-1], -1).to(x.dtype)


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


class Prepared:
    """What the kernels are told about a layer: where its buffers lie, and the sums of its rows."""

    def __init__(self, layer: nn.Module) -> None:
        weight, scale, _, bias = buffers = buffers_of(layer)
        assert weight is not None
        self.signature = signature(buffers)
        # Storages, not tensors: what the addresses point to stays, even if a tensor is given other memory.
        self.held: list[Any] = [buffer.untyped_storage() for buffer in buffers if buffer is not None]
        scheme = getattr(layer, "scheme", "float32")
        # Writing to an inference tensor leaves no trace, so sums of its rows could be stale.
        sums = row_sums(weight) if scheme == "int8" and not weight.is_inference() else None
        self.held.append(sums)
        columns = weight.shape[1] * (2 if scheme == "int4" else 1)
        group = columns // scale.shape[1] if scheme == "int4" and scale is not None else 0
        addresses = (None if buffer is None else buffer.data_ptr() for buffer in (weight, scale, sums, bias))
        self.struct = native.Linear(*addresses, KINDS[scheme], columns, len(weight), group)
        self.address = addressof(self.struct)


def row_sums(weight: Int8[Tensor, "out in"]) -> Int32[Tensor, " out"]:
    """Sum of each row, by the kernels: torch would write all of the weights as int32 first."""
    library, sums = native.library(), torch.empty(len(weight), dtype=torch.int32)
    if library is None:
        return weight.sum(1, dtype=torch.int32)
    library.row_sums(weight.data_ptr(), *weight.shape, sums.data_ptr(), torch.get_num_threads())
    return sums


_prepared: "WeakKeyDictionary[nn.Module, Prepared | None]" = WeakKeyDictionary()


def prepared(layer: nn.Module) -> Prepared | None:
    """`Prepared` of a linear layer, made anew when its buffers have changed; None where the kernels do not fit."""
    buffers = buffers_of(layer)
    known = _prepared.get(layer)
    if known is None or known.signature != signature(buffers):
        known = _prepared[layer] = Prepared(layer) if fits(layer, buffers) else None
    return known


def buffers_of(layer: nn.Module) -> tuple[Tensor | None, ...]:
    held = layer._buffers or layer._parameters
    return held.get("weight"), held.get("scale"), held.get("zero"), held.get("bias")


def signature(buffers: tuple[Tensor | None, ...]) -> tuple[int, ...]:
    """Changes when a buffer is replaced, moved or written to."""
    weight = buffers[0]
    version = 0 if weight is None or weight.is_inference() else weight._version
    return version, *(0 if buffer is None else buffer.data_ptr() for buffer in buffers)


def fits(layer: nn.Module, buffers: tuple[Tensor | None, ...]) -> bool:
    """Whether the kernels can compute it: contiguous, on the CPU, int4 with zero at 8 and groups that fit lanes."""
    weight, scale, zero, bias = buffers
    there = [buffer for buffer in buffers if buffer is not None]
    plain = weight is not None and zero is None and all(b.device.type == "cpu" and b.is_contiguous() for b in there)
    if not plain or any(b is not None and b.dtype != torch.float32 for b in (scale, bias)):
        return False
    group = getattr(layer, "group_size", None)
    if group is None:
        return hasattr(layer, "scheme") or (type(layer) is nn.Linear and there[0].dtype == torch.float32)
    return group % BLOCK == 0 or group in (LANE, 2 * LANE, 4 * LANE, 8 * LANE)
