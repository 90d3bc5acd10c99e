"""Values that are cheaper to compute again in the backward pass than to keep for it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks


def through(function: Callable[[Tensor], Tensor], x: Tensor, layer: Callable[[Tensor], Tensor]) -> Tensor:
    """layer(function(x)), where `layer` does not keep function(x) for its gradient but computes it from x again.

    `function` draws nothing and keeps x, as an activation does: then its value is a second tensor of the same size, the
    largest of a block, for a hundredth of the block's work (the least that selective recomputation can take back:
    Korthikanti et al. 2022, arXiv 2205.05198, section 5). The same gradients, bit for bit.
    """
    if not (torch.is_grad_enabled() and x.requires_grad) or torch.compiler.is_compiling() or _transformed():
        return layer(function(x))
    value = _Holding.apply(function(x), x)
    node, place, size = value.grad_fn, value.untyped_storage().data_ptr(), value.numel()

    around = torch._C._autograd._top_saved_tensors_default_hooks(True)  # whose word is else not asked: it is the last's

    def pack(kept: Tensor) -> Any:
        if kept.numel() == size and kept.untyped_storage().data_ptr() == place:
            return kept.shape
        return around[0](kept) if around else (kept, kept._version)

    def unpack(packed: Any) -> Tensor:
        if isinstance(packed, torch.Size):
            return function(node.saved_tensors[0]).view(packed)
        if around:
            found: Tensor = around[1](packed)
            return found
        kept, version = packed
        if kept._version != version:  # as autograd asks of all that it keeps itself
            raise RuntimeError(
                f"wanted a value {list(kept.shape)} that is needed for its gradient as it was, got one that was "
                "changed in place since; change a copy"
            )
        return kept

    with saved_tensors_hooks(pack, unpack):
        return layer(value)


class _Holding(torch.autograd.Function):
    """The value as it is, holding on to x the way autograd does: so what surrounds it may recompute x in its turn."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


def _transformed() -> bool:
    """Whether a transform of torch.func is at work, which knows neither hooks nor such functions."""
    return torch._C._are_functorch_transforms_active()
