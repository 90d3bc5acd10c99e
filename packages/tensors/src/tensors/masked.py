"""Reductions that look at some entries only. What the mask hides has no influence, even where it is NaN or infinite."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def masked_mean(
    values: Float[Tensor, "*shape"], mask: Bool[Tensor, "*mask"], dim: int | tuple[int, ...] | None = None
) -> Float[Tensor, "*mean"]:
    """Return the mean of `values` where `mask` is True, over `dim` (default: everything).

    `mask` broadcasts to `values`. A mean over no entry is NaN, as torch's own mean of an empty tensor is; gradients of
    hidden entries are zero.
    """
    mask = _broadcast(mask, values)
    axes = tuple(range(values.ndim)) if dim is None else dim
    if axes == ():
        return torch.where(mask, values, torch.nan)
    return torch.where(mask, values, 0).sum(axes) / mask.sum(axes)


def _broadcast(mask: Tensor, values: Tensor) -> Tensor:
    try:
        return mask.expand_as(values)
    except RuntimeError:
        raise ValueError(
            f"wanted a mask that broadcasts to the values' shape {tuple(values.shape)}, got shape {tuple(mask.shape)}; "
            "add axes of size 1 with mask[:, None]"
        ) from None
