"""Reductions that look at some entries only, and softmaxes that do not overflow.

What a mask hides has no influence on result or gradient, even where it is NaN or infinite.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

IGNORED = -100
"""The target that counts for nothing: `torch.nn.functional.cross_entropy`'s default ignore_index."""


def masked_mean(
    values: Float[Tensor, "*shape"], mask: Bool[Tensor, "*mask"], dim: int | tuple[int, ...] | None = None
) -> Float[Tensor, "*mean"]:
    """Return the mean of `values` where `mask` is True, over `dim` (default: everything).

    `mask` broadcasts to `values`. A mean over no entry is NaN, as torch's own mean of an empty tensor is.
    """
    mask = _expand(mask, values)
    axes = tuple(range(values.ndim)) if dim is None else dim
    if axes == ():
        return torch.where(mask, values, torch.nan)
    return torch.where(mask, values, 0).sum(axes) / mask.sum(axes)


def masked_softmax(
    logits: Float[Tensor, "*shape"], mask: Bool[Tensor, "*mask"], dim: int = -1
) -> Float[Tensor, "*shape"]:
    """Return softmax over the entries of `dim` where `mask` is True, zero elsewhere. A row without any is all zeros."""
    mask = _expand(mask, logits)
    visible = logits.masked_fill(~mask, -torch.inf)
    weights = torch.exp(visible - _finite_maximum(visible, dim))
    total = weights.sum(dim, keepdim=True)
    return weights / torch.where(total > 0, total, 1)


def log_sum_exp(logits: Float[Tensor, "*shape"], dim: int, keepdim: bool = False) -> Float[Tensor, "*reduced"]:
    """Return log(sum(exp(logits))) over `dim` without overflow: the largest logit is taken out and added again."""
    largest = _finite_maximum(logits, dim)
    result = torch.log(torch.exp(logits - largest).sum(dim, keepdim=True)) + largest
    return result if keepdim else result.squeeze(dim)


def log_softmax(logits: Float[Tensor, "*shape"], dim: int = -1) -> Float[Tensor, "*shape"]:
    """Return log(softmax(logits)) over `dim`, finite where softmax itself would already have rounded to zero."""
    shifted = logits - _finite_maximum(logits, dim)
    return shifted - log_sum_exp(shifted, dim, keepdim=True)


def _finite_maximum(logits: Tensor, dim: int) -> Tensor:
    """The largest entry, or 0 where that is infinite (infinity minus itself is NaN). A shift, so no gradient."""
    largest = logits.detach().amax(dim, keepdim=True)
    return torch.where(largest.isfinite(), largest, 0)


def _expand(mask: Tensor, values: Tensor) -> Tensor:
    try:
        return mask.expand_as(values)
    except RuntimeError:
        raise ValueError(
            f"wanted a mask that broadcasts to the values' shape {tuple(values.shape)}, got shape {tuple(mask.shape)}; "
            "add axes of size 1 with mask[:, None]"
        ) from None
