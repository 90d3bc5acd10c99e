"""Fewer key heads than query heads: each key head serves a group of query heads (Ainslie et al. 2023; with a single
one, multi-query attention, Shazeer 2019)."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


def check_groups(q: Tensor, k: Tensor) -> None:
    """ValueError when the query heads do not fall into equal groups, one a key head."""
    n_head, n_kv_head = q.shape[1], k.shape[1]
    if n_kv_head < 1 or n_head % n_kv_head:
        raise ValueError(
            f"wanted query heads in equal groups, one a key head; got q {list(q.shape)} and k {list(k.shape)}, "
            f"{n_head} over {n_kv_head} heads; choose a number of key heads that divides the query heads"
        )


def repeat_heads(x: Float[Tensor, "B G S D"], n_head: int) -> Float[Tensor, "B H S D"]:
    """Each head repeated, copy beside copy, until there are `n_head`; x itself where there are already."""
    return x if x.shape[1] == n_head else x.repeat_interleave(n_head // x.shape[1], dim=1)


def one_step_grouped(
    q: Float[Tensor, "B H 1 D"], k: Float[Tensor, "B G S D"], v: Float[Tensor, "B G S D"], dropout: float
) -> Float[Tensor, "B H 1 D"]:
    """One query over keys that are all visible: a group's query heads are asked like so many queries, and no key is
    copied. That is where grouped heads save time, for a decoding step reads each key once."""
    grouped = q.unflatten(1, (k.shape[1], -1)).squeeze(3)
    return scaled_dot_product_attention(grouped, k, v, dropout_p=dropout).flatten(1, 2).unsqueeze(2)
