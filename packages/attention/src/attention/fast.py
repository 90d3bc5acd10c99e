"""The fast path: torch's fused attention, with the mask in the cheapest form that says the same."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from .masks import Causal, Mask


def attend(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B H S D"],
    v: Float[Tensor, "B H S D"],
    mask: Mask | Tensor | None = None,
    *,
    query_positions: Int[Tensor, "_ T"] | None = None,
    dropout: float = 0.0,
) -> Float[Tensor, "B H T D"]:
    """What `attend_reference` returns first, computed by `scaled_dot_product_attention` without a [T, S] matrix of
    weights.

    `mask` is a rule, or a bool tensor (True: may look) that broadcasts to [B, H, T, S]; None lets every query see every
    key. `query_positions` are the queries' numbers, [B, T] or [1, T], where they are not 0 ... T - 1; rules use them,
    tensors do not. A causal rule over equal queries and keys becomes a flag, and no rule is made dense where it hides
    nothing. Queries that see nothing give zeros. ValueError and TypeError for masks of the wrong shape and type.
    """
    if hides_nothing(mask, query_positions, k.shape[-2]):
        return scaled_dot_product_attention(q, k, v, dropout_p=dropout)
    if isinstance(mask, Causal) and query_positions is None and q.shape[-2] == k.shape[-2]:
        return scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=dropout)
    visible = visible_pairs(mask, query_positions, q, k)
    if q.device.type == "cpu":  # whose kernels give zeros where everything is hidden, forwards and backwards
        return scaled_dot_product_attention(q, k, v, attn_mask=visible, dropout_p=dropout)
    # Elsewhere they differ (zeros or NaN, by back end): such a query is shown everything, then its result is blanked.
    sees_something = visible.any(dim=-1, keepdim=True)
    output = scaled_dot_product_attention(q, k, v, attn_mask=visible | ~sees_something, dropout_p=dropout)
    return output.masked_fill(~sees_something, 0.0)


def hides_nothing(mask: Mask | Tensor | None, query_positions: Tensor | None, keys: int) -> bool:
    """True where every query is known to see every key. Numbers on a device are not waited for: then it answers
    False."""
    if mask is None:
        return True
    if not isinstance(mask, Causal) or query_positions is None or query_positions.device.type != "cpu":
        return False
    return bool((query_positions >= keys - 1).all())


def visible_pairs(
    mask: Mask | Tensor | None, query_positions: Tensor | None, q: Tensor, k: Tensor
) -> Bool[Tensor, "... T S"]:
    """`mask` as a bool tensor that broadcasts to [B, H, T, S]."""
    full = (*q.shape[:-1], k.shape[-2])
    if isinstance(mask, Mask):
        return mask.dense(full[0], full[2] if query_positions is None else query_positions, full[3], q.device)
    wanted = "wanted a bool mask that broadcasts to [B, H, T, S]"
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        got = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(f"{wanted}; got {got}; pass True where a query may look at a key, or a rule such as causal()")
    if not 2 <= mask.ndim <= 4 or any(m not in (1, n) for m, n in zip(mask.shape[::-1], full[::-1], strict=False)):
        raise ValueError(f"{wanted} = {list(full)}; got shape {list(mask.shape)}; put size 1 where all are alike")
    return mask
