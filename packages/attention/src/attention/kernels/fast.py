"""The fast path: torch's fused attention, with the mask in the cheapest form that says the same."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from ..masks.algebra import Mask
from ..masks.text import Causal
from .flex import attend_blocks, is_block_mask, visible_in_pairs
from .grouped import check_groups, one_step_grouped, repeat_heads
from .short import attend_products, products_pay
from .windowed import attend_windowed, window_pays


def attend(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B G S D"],
    v: Float[Tensor, "B G S D"],
    mask: Mask | Tensor | Any = None,
    *,
    query_positions: Int[Tensor, "_ T"] | None = None,
    dropout: float = 0.0,
    bias: Float[Tensor, "... T S"] | None = None,
) -> Float[Tensor, "B H T D"]:
    """What `attend_reference` returns first, computed by `scaled_dot_product_attention` without a [T, S] matrix of
    weights (but where up to 256 causal tokens in 16-bit products on a CPU are faster with one).

    `mask` is a rule, or a bool tensor (True: may look) that broadcasts to [B, H, T, S]; None lets every query see every
    key. `query_positions` are the queries' numbers, [B, T] or [1, T], where they are not 0 ... T - 1; rules use them,
    tensors do not. `bias` is added to the scores and broadcasts like a mask. With fewer key heads than H, each serves
    H / G neighboring query heads.

    On a GPU a `block_mask` in place of the rule goes to flex attention, unless there is a bias or dropout; elsewhere it
    is made dense.

    A causal rule over equal queries and keys becomes a flag, a rule of short reach over a long text is computed window
    by window, and no rule is made dense where it hides nothing. Queries that see nothing give zeros. ValueError and
    TypeError for masks, biases and heads of the wrong shape and type.
    """
    check_groups(q, k)
    if is_block_mask(mask) and q.device.type == "cuda" and bias is None and dropout == 0.0:
        return attend_blocks(q, k, v, mask)
    if q.shape[1] != k.shape[1]:
        if q.shape[2] == 1 and bias is None and hides_nothing(mask, query_positions, k.shape[-2]):
            return one_step_grouped(q, k, v, dropout)
        k, v = repeat_heads(k, q.shape[1]), repeat_heads(v, q.shape[1])
    if bias is not None:
        return biased(q, k, v, mask, query_positions, bias, dropout)
    if hides_nothing(mask, query_positions, k.shape[-2]):
        return scaled_dot_product_attention(q, k, v, dropout_p=dropout)
    if isinstance(mask, Mask) and query_positions is None and q.shape[-2] == k.shape[-2]:
        if isinstance(mask, Causal):
            if products_pay(q, k, dropout):
                return attend_products(q, k, v)
            return scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=dropout)
        if window_pays(mask, q.shape[-2]):
            return attend_windowed(q, k, v, mask, lambda q, k, v, visible: masked(q, k, v, visible, dropout))
    return masked(q, k, v, visible_pairs(mask, query_positions, q, k), dropout)


def masked(q: Tensor, k: Tensor, v: Tensor, visible: Tensor, dropout: float) -> Tensor:
    """The kernel with a bool mask; zeros where everything is hidden."""
    if q.device.type == "cpu":  # whose kernels give zeros where everything is hidden, forwards and backwards
        return scaled_dot_product_attention(q, k, v, attn_mask=visible, dropout_p=dropout)
    # Elsewhere they differ (zeros or NaN, by back end): such a query is shown everything, then its result is blanked.
    sees_something = visible.any(dim=-1, keepdim=True)
    output = scaled_dot_product_attention(q, k, v, attn_mask=visible | ~sees_something, dropout_p=dropout)
    return output.masked_fill(~sees_something, 0.0)


def biased(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Mask | Tensor | Any,
    query_positions: Tensor | None,
    bias: Tensor,
    dropout: float,
) -> Tensor:
    """The kernel with numbers added to the scores, minus infinity where a key is hidden."""
    full = (*q.shape[:-1], k.shape[-2])
    if not broadcasts(bias, full):
        raise ValueError(
            f"wanted a bias that broadcasts to [B, H, T, S] = {list(full)}; got shape {list(bias.shape)}; "
            "put size 1 where all are alike"
        )
    bias = bias.to(q.dtype)
    if mask is None:
        return scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=dropout)
    visible = visible_pairs(mask, query_positions, q, k)
    sees_something = visible.any(dim=-1, keepdim=True)
    scores = bias.masked_fill(~(visible | ~sees_something), float("-inf"))
    output = scaled_dot_product_attention(q, k, v, attn_mask=scores, dropout_p=dropout)
    return output.masked_fill(~sees_something, 0.0)


def hides_nothing(mask: Mask | Tensor | Any, query_positions: Tensor | None, keys: int) -> bool:
    """True where every query is known to see every key. Numbers on a device are not waited for: then it answers
    False."""
    if mask is None:
        return True
    if not isinstance(mask, Causal) or query_positions is None or query_positions.device.type != "cpu":
        return False
    return bool((query_positions >= keys - 1).all())


def visible_pairs(
    mask: Mask | Tensor | Any, query_positions: Tensor | None, q: Tensor, k: Tensor
) -> Bool[Tensor, "... T S"]:
    """`mask` as a bool tensor that broadcasts to [B, H, T, S]."""
    full = (*q.shape[:-1], k.shape[-2])
    if isinstance(mask, Mask):
        return mask.dense(full[0], full[2] if query_positions is None else query_positions, full[3], q.device)
    if is_block_mask(mask):
        mask = visible_in_pairs(mask, q, k)
    wanted = "wanted a bool mask that broadcasts to [B, H, T, S]"
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        got = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(f"{wanted}; got {got}; pass True where a query may look at a key, or a rule such as causal()")
    if not broadcasts(mask, full):
        raise ValueError(f"{wanted} = {list(full)}; got shape {list(mask.shape)}; put size 1 where all are alike")
    return mask


def broadcasts(given: Tensor, full: tuple[int, ...]) -> bool:
    return 2 <= given.ndim <= 4 and all(m in (1, n) for m, n in zip(given.shape[::-1], full[::-1], strict=False))
