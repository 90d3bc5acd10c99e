"""LoRA's four thin products beside two of a frozen weight, without a tensor in between that is as wide as the layer."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from tensors import fast_linear


def corrected(
    x: Float[Tensor, "... in"],
    weight: Float[Tensor, "out in"],
    bias: Float[Tensor, " out"] | None,
    down: Float[Tensor, "rank in"],
    up: Float[Tensor, "out rank"],
    scale: float,
) -> Float[Tensor, "... out"]:
    """weight x + bias + scale * up(down x), with the gradients of x, `down` and `up`.

    The correction is added to what the frozen weight gave where it lies, forward and backward: the four products of
    rank 8 cost next to nothing, but each tensor as wide as the layer that is written in between is read again from
    memory. Under autocast all products are in its type."""
    kind = x.device.type
    number = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
    found: Tensor = _Corrected.apply(x.to(number), weight, bias, down.to(number), up.to(number), scale)
    return found


class _Corrected(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, down, up, scale):  # type: ignore[no-untyped-def]
        rows = x.flatten(0, -2)
        thin = linear(rows, down)
        y = linear(rows, weight.to(x.dtype), None if bias is None else bias.to(x.dtype))
        y.addmm_(thin, up.T, alpha=scale)
        ctx.save_for_backward(x, weight, down, up, thin)
        ctx.scale = scale
        return y.unflatten(0, x.shape[:-1])

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        x, weight, down, up, thin = ctx.saved_tensors
        rows, wanted, of = x.flatten(0, -2), gradient.flatten(0, -2), ctx.needs_input_grad
        if torch.is_grad_enabled():  # what is handed on shall have a gradient itself
            thin = linear(rows, down)
        narrow = (wanted @ up) * ctx.scale
        of_x = fast_linear(wanted, weight.to(x.dtype).T).addmm_(narrow, down).view(x.shape) if of[0] else None
        of_down = narrow.T @ rows if of[3] else None
        of_up = (thin.T @ wanted).T * ctx.scale if of[4] else None  # this way round it takes half as long
        return of_x, None, None, of_down, of_up, None


def is_plain(base: nn.Linear, x: Tensor, down: Tensor) -> bool:
    """Whether a base is frozen, has the numbers of its correction, and is computed step by step."""
    return (
        not base.weight.requires_grad
        and (x.dtype == down.dtype or torch.is_autocast_enabled(x.device.type))
        and base.weight.dtype == down.dtype
        and x.ndim > 1
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
    )
