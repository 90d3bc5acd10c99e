"""`linear`: the product with weights of any kind, by the fastest way that this machine has."""

from ctypes import addressof
from typing import Any
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int8, Int32
from torch import Tensor, nn
from torch.nn import functional

from attention.caches.eight_bits import quantised
from tensors import fast_linear

from . import native
from .weights import Kind, Weights, kind_of

LANE, BLOCK = 8, 128
MANY = 32
"""Rows from which a product is bound by arithmetic, and torch's own are mostly faster than the kernels."""


def linear(x: Float[Tensor, "... in"], layer: Weights) -> Float[Tensor, "... out"]:
    """x @ weight.T + bias in the dtype of x: what `linear_reference` gives, nearly.

    On a CPU the C++ kernels compute it, if there is a compiler (see `native.library`). They add up in another order;
    with four bits they round activations to whole numbers too, by blocks of 128, which is off by 1/254 of a block's
    largest number at most. Of many rows, as in prompts, torch computes what it is better at (`many_by_torch`).
    """
    if is_plain(x) and x.numel() >= MANY * x.shape[-1] and many_by_torch(layer.kind):
        return linear_of_many(x, layer)
    if is_plain(x) and (library := native.library()) is not None and (fast := prepared(layer)) is not None:  # type: ignore[arg-type]
        rows = x.reshape(-1, x.shape[-1]).float().contiguous()
        y = torch.empty(len(rows), fast.struct.rows)
        library.linear(fast.address, rows.data_ptr(), len(rows), y.data_ptr(), torch.get_num_threads())
        return y.reshape(*x.shape[:-1], -1).to(x.dtype) if len(rows) else y.reshape(*x.shape[:-1], fast.struct.rows)
    return linear_reference(x, layer)


def is_plain(x: Tensor) -> bool:
    """Numbers in the main memory, of which nobody wants a gradient or a trace."""
    wants_gradient = x.requires_grad and torch.is_grad_enabled()
    return type(x) is Tensor and x.device.type == "cpu" and not wants_gradient and not torch.compiler.is_compiling()


def many_by_torch(kind: Kind | None) -> bool:
    """Whether products of many rows are torch's: all but INT4's, and INT8's only where `torch_multiplies_bytes`.

    On a processor with AVX-512 VNNI alone oneDNN multiplies 128 rows of int8 in a quarter of the kernels' time; as a
    float32 product, weights unpacked for the moment included, bfloat16 takes less than half.
    """
    return kind != Kind.INT4 and (kind != Kind.INT8 or native.torch_multiplies_bytes())


def linear_of_many(x: Float[Tensor, "... in"], layer: Weights) -> Float[Tensor, "... out"]:
    """`linear_reference` by products that torch is fast at; sums of whole numbers are exact."""
    if layer.kind != Kind.INT8:
        return fast_linear(x.float(), layer.restored(), layer.bias).to(x.dtype)
    assert layer.scale is not None
    whole, scale = quantised(x.reshape(-1, x.shape[-1]).float())
    y = torch._int_mm(whole, layer.weight.T).float().mul_(scale).mul_(layer.scale)
    if layer.bias is not None:
        y.add_(layer.bias)
    return y.reshape(*x.shape[:-1], -1).to(x.dtype)


def linear_reference(x: Float[Tensor, "... in"], layer: Weights) -> Float[Tensor, "... out"]:
    """The specification: weights back in float32, then the product.

    With INT8 every row of x becomes whole numbers from -127 to 127 first, its largest at the end of that range.
    """
    wide = x.float()
    if layer.kind == Kind.INT8:
        whole, scale = quantised(wide)
        wide = whole * scale
    return functional.linear(wide, layer.restored(), layer.bias).to(x.dtype)


class Prepared:
    """What the kernels are told about a layer: where its buffers lie, and the sums of its rows."""

    def __init__(self, layer: nn.Module, kind: Kind) -> None:
        weight, scale, _, bias = buffers = buffers_of(layer)
        assert weight is not None
        self.signature = signature(buffers)
        # Storages, not tensors: what the addresses point to stays, even if a tensor is given other memory.
        self.held: list[Any] = [buffer.untyped_storage() for buffer in buffers if buffer is not None]
        # Writing to an inference tensor leaves no trace, so sums of its rows could be stale.
        sums = row_sums(weight) if kind == Kind.INT8 and not weight.is_inference() else None
        self.held.append(sums)
        columns = weight.shape[1] * (2 if kind == Kind.INT4 else 1)
        group = columns // scale.shape[1] if kind == Kind.INT4 and scale is not None else 0
        addresses = (None if buffer is None else buffer.data_ptr() for buffer in (weight, scale, sums, bias))
        self.struct = native.Linear(*addresses, kind, columns, len(weight), group)
        self.address = addressof(self.struct)


def row_sums(weight: Int8[Tensor, "out in"]) -> Int32[Tensor, " out"]:
    """Sum of each row, by the kernels: torch would write all of the weights as int32 first."""
    library, sums = native.library(), torch.empty(len(weight), dtype=torch.int32)
    if library is None:
        return weight.sum(1, dtype=torch.int32)
    library.row_sums(weight.data_ptr(), *weight.shape, sums.data_ptr(), torch.get_num_threads())
    return sums


_prepared: "WeakKeyDictionary[nn.Module, Prepared | None]" = WeakKeyDictionary()


def prepared(layer: nn.Module, kind: Kind | None = None) -> Prepared | None:
    """`Prepared` of a linear layer, made anew when its buffers have changed; None where the kernels do not fit. `kind`:
    that of its weights, where the layer itself does not say."""
    buffers = buffers_of(layer)
    known = _prepared.get(layer)
    if known is None or known.signature != signature(buffers):
        kind = kind_of(layer) if kind is None else kind
        known = _prepared[layer] = None if kind is None or not fits(layer, buffers) else Prepared(layer, kind)
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
    """Whether the kernels can compute it: contiguous and on the CPU; four bits with zero at 8 and groups that fit."""
    weight, scale, zero, bias = buffers
    there = [buffer for buffer in buffers if buffer is not None]
    plain = weight is not None and zero is None and all(b.device.type == "cpu" and b.is_contiguous() for b in there)
    if not plain or any(b is not None and b.dtype != torch.float32 for b in (scale, bias)):
        return False
    group = getattr(layer, "group_size", None)
    return group is None or group % BLOCK == 0 or group in (LANE, 2 * LANE, 4 * LANE, 8 * LANE)
