"""x @ weight.T by the faster of the two libraries that torch brings for products on a processor."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

from .processors import onednn_is_faster

PIECES = 8
"""Of a weight that meets a single row: enough for the threads of a processor that has few."""
SMALLEST_CUT = 1 << 16
"""Numbers in a weight that is worth cutting."""


def fast_linear(
    x: Float[Tensor, "*rows C"], weight: Float[Tensor, "V C"], bias: Float[Tensor, " V"] | None = None
) -> Float[Tensor, "*rows V"]:
    """`torch.nn.functional.linear`, its gradients too, by oneDNN where that is the faster one.

    torch multiplies float32 numbers with MKL, which does its best on processors of its maker only. On an AMD EPYC of
    2023 oneDNN takes half the time for a vocabulary of 50,257, and a tenth less for large square products. A single row
    comes off worst, on one thread whatever there are; as a batch of products with pieces of the weight it takes a
    quarter of the time. Equal up to rounding; which way it is depends on the processor alone, so a run that is resumed
    goes on to the same bits. Other numbers, devices and precisions, what is being compiled and what
    `torch.func` transforms go the usual way.
    """
    transformed = torch._C._are_functorch_transforms_active()  # torch.func, which knows no such function
    if transformed or torch.compiler.is_compiling() or not (onednn_is_faster() and _are_plain(x, weight, bias)):
        return linear(x, weight, bias)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, weight, bias)):
        return _WithGradient.apply(x, weight, bias)
    if x.numel() == x.shape[-1] and weight.numel() >= SMALLEST_CUT and weight.is_contiguous():
        return _in_pieces(x, weight, bias)
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


class FastProducts(TorchFunctionMode):
    """Inside `with`, every product with a weight is `fast_linear`, in whatever module it stands."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is linear and not kwargs:
            return self.product(*args)
        return func(*args, **(kwargs or {}))

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return fast_linear(x, weight, bias)


def fast_products() -> AbstractContextManager[Any]:
    """`FastProducts` where they are faster than torch's own, else nothing."""
    return FastProducts() if onednn_is_faster() else nullcontext()


class _WithGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x, weight)
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        x, weight = ctx.saved_tensors
        rows, (of_x, of_weight, of_bias) = gradient.reshape(-1, gradient.shape[-1]), ctx.needs_input_grad
        return (
            fast_linear(rows, weight.T).view(x.shape) if of_x else None,
            rows.T @ x.reshape(-1, x.shape[-1]) if of_weight else None,  # of tall factors, MKL is the faster one
            rows.sum(0) if of_bias else None,
        )


def _in_pieces(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """One row times the weight, in `PIECES` products and one with the rows that are left."""
    width, even = weight.shape[1], len(weight) // PIECES * PIECES
    pieces = weight[:even].view(PIECES, -1, width)
    column = x.reshape(1, width).T  # by its strides MKL tells a column from rows of one, which it is slow with
    product = torch.bmm(pieces, column.expand(PIECES, -1, -1)).flatten()
    if even < len(weight):
        product = torch.cat([product, weight[even:] @ x.reshape(width)])
    return (product if bias is None else product + bias).view(*x.shape[:-1], len(weight))


def _are_plain(*tensors: Tensor | None) -> bool:
    """Whether oneDNN may be asked: float32 on the processor, nothing that rounds on purpose."""
    return (
        all(t is None or (t.dtype == torch.float32 and t.device.type == "cpu") for t in tensors)
        and not torch.is_autocast_enabled("cpu")
        and torch.backends.mkldnn.matmul.fp32_precision not in ("bf16", "tf32")  # type: ignore[attr-defined]  # made at run time
    )
