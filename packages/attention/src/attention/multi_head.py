"""Multi-head attention: several smaller attentions side by side, with the weights that they need."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .caches.layer import LayerCache
from .heads import merge_heads, split_heads
from .kernels.fast import attend, visible_pairs
from .masks.algebra import Mask
from .reference import attend_reference

Source = Tensor | tuple[Tensor, Tensor]


class MultiHeadAttention(nn.Module):
    """Attention over [B, T, C] in n_head heads (Vaswani et al. 2017, section 3.2.2).

    `qkv` computes queries, keys and values in one product, in this order along its output; `out` mixes the heads.
    `n_kv_head` key heads (default: n_head) each serve a group of query heads; 1 is multi-query attention. `dropout` is
    the share of attention weights that is dropped while training. `query_key_norm` brings each head's queries and keys
    to a root mean square of 1 (Henry et al. 2020; as in Qwen3). `rotate(x, positions)` turns queries and keys [B, H, T,
    D] by their places [B or 1, T]; `score_bias(positions, keys)` gives what is added to the scores, [..., H, T, S], for
    places [B or 1, T] and [S]. Both speak about places in one text, so attention to a `source` goes without.
    """

    def __init__(
        self,
        n_embd: int,
        n_head: int,
        *,
        n_kv_head: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        query_key_norm: bool = False,
        rotate: Callable[[Tensor, Tensor], Tensor] | None = None,
        score_bias: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        n_kv_head = n_head if n_kv_head is None else n_kv_head
        check_sizes(n_embd, n_head, n_kv_head, dropout)
        self.n_embd, self.n_head, self.n_kv_head, self.dropout = n_embd, n_head, n_kv_head, dropout
        self.head_size = n_embd // n_head
        self.qkv = nn.Linear(n_embd, n_embd + 2 * n_kv_head * self.head_size, bias=bias)
        self.out = nn.Linear(n_embd, n_embd, bias=bias)
        self.query_norm = nn.RMSNorm(self.head_size, eps=1e-6) if query_key_norm else None
        self.key_norm = nn.RMSNorm(self.head_size, eps=1e-6) if query_key_norm else None
        self.rotate, self.score_bias = rotate, score_bias

    def forward(
        self,
        x: Float[Tensor, "B T C"],
        mask: Mask | Tensor | Any = None,
        cache: LayerCache | None = None,
        *,
        source: Source | None = None,
    ) -> Float[Tensor, "B T C"]:
        """Attention of x to itself, or to what `cache` holds followed by x, or to `source` [B, S, C].

        Without a cache `mask` alone decides who sees whom; None lets everyone see everyone. With one, a token sees what
        came before it in its own row and itself, less what `mask` hides (rules are then asked with positions in the
        whole row). A source may also be given as what `keys_values` made of it, so that many steps share the work.
        ValueError when the last dimension is not n_embd, or the cache is full or of another shape.
        """
        q, k, v = self.queries_keys_values(x, source, cache)
        bias = None
        if cache is not None:
            k, v = cache.write(k, v)
            mask = cache.mask(x.shape[1], mask)
        if self.score_bias is not None and source is None:
            bias = self.bias_of_scores(x, cache)
        return self.out(merge_heads(attend(q, k, v, mask, dropout=self.dropout if self.training else 0.0, bias=bias)))

    def attend_maps(
        self, x: Float[Tensor, "B T C"], mask: Mask | Tensor | Any = None, *, source: Source | None = None
    ) -> Float[Tensor, "B H T S"]:
        """The weights that `forward` takes for the same arguments, before dropout: row t says where query t looks."""
        q, k, v = self.queries_keys_values(x, source, None)
        bias = None
        if self.score_bias is not None and source is None:
            bias = self.bias_of_scores(x, None)
        return attend_reference(q, k, v, None if mask is None else visible_pairs(mask, None, q, k), bias)[1]

    def queries_keys_values(
        self, x: Tensor, source: Source | None, cache: LayerCache | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [B, H, T, D], and keys and values [B, G, S, D]; normed and rotated where the layer does so."""
        self.check_width("x", x)
        if source is not None:
            if cache is not None:
                raise ValueError(
                    "wanted either a cache or a source; got both; keep the source's keys and values with keys_values"
                )
            q = split_heads(nn.functional.linear(x, *self.rows_of_qkv(slice(self.n_embd))), self.n_head)
            k, v = source if isinstance(source, tuple) else self.keys_values(source)
            return (q if self.query_norm is None else self.query_norm(q)), k, v
        kv_width = self.n_kv_head * self.head_size
        q, k, v = self.qkv(x).split([self.n_embd, kv_width, kv_width], dim=-1)
        q, k, v = split_heads(q, self.n_head), split_heads(k, self.n_kv_head), split_heads(v, self.n_kv_head)
        if self.query_norm is not None and self.key_norm is not None:
            q, k = self.query_norm(q), self.key_norm(k)
        if self.rotate is not None:
            positions = self.positions(x, cache)
            q, k = self.rotate(q, positions), self.rotate(k, positions)
        return q, k, v

    def keys_values(self, source: Float[Tensor, "B S C"]) -> tuple[Float[Tensor, "B G S D"], Float[Tensor, "B G S D"]]:
        """What a source is to this layer: computed once, and handed to `forward` as `source` for every step."""
        self.check_width("source", source)
        both = nn.functional.linear(source, *self.rows_of_qkv(slice(self.n_embd, None)))
        k, v = (split_heads(part, self.n_kv_head) for part in both.chunk(2, dim=-1))
        return (k if self.key_norm is None else self.key_norm(k)), v

    def rows_of_qkv(self, rows: slice) -> tuple[Tensor, Tensor | None]:
        """Weight and bias of some outputs of `qkv`; a layer that is no `nn.Linear` is asked for its `rows`."""
        if not isinstance(self.qkv, nn.Linear):
            return self.qkv.rows(rows)
        return self.qkv.weight[rows], None if self.qkv.bias is None else self.qkv.bias[rows]

    def positions(self, x: Tensor, cache: LayerCache | None) -> Tensor:
        return torch.arange(x.shape[1], device=x.device)[None] if cache is None else cache.rows.positions(x.shape[1])

    def bias_of_scores(self, x: Tensor, cache: LayerCache | None) -> Float[Tensor, "... T S"]:
        """What `score_bias` says; row by row where the rows' keys stand at different places."""
        assert self.score_bias is not None
        positions = self.positions(x, cache)
        keys = positions if cache is None else cache.rows.key_positions(x.shape[1])
        if len(keys) == 1:
            return self.score_bias(positions, keys[0])
        rows = [self.score_bias(positions[r : r + 1], keys[r]) for r in range(len(keys))]
        return torch.cat([row[(None,) * (4 - row.ndim)] for row in rows])

    def check_width(self, name: str, x: Tensor) -> None:
        if x.ndim != 3 or x.shape[-1] != self.n_embd or not x.is_floating_point():
            raise ValueError(
                f"wanted {name} of shape [B, T, {self.n_embd}]; got {list(x.shape)}"
                f"{'' if x.is_floating_point() else f' of {x.dtype}'}; {advice(x, self.n_embd)}"
            )

    def extra_repr(self) -> str:
        groups = "" if self.n_kv_head == self.n_head else f", n_kv_head={self.n_kv_head}"
        return f"n_embd={self.n_embd}, n_head={self.n_head}{groups}, dropout={self.dropout}"


def advice(x: Tensor, n_embd: int) -> str:
    """What to do about a tensor that is no stream [B, T, n_embd]."""
    if not x.is_floating_point():
        return "embed the ids first: an nn.Embedding makes [B, T, C] of [B, T]"
    if x.ndim == 2 and x.shape[-1] == n_embd:
        return "a single text is a batch of one: x[None]"
    return "make the layer as wide as what it is given"


def check_sizes(n_embd: int, n_head: int, n_kv_head: int, dropout: float) -> None:
    if n_head < 1 or n_embd < 1 or n_embd % n_head:
        raise ValueError(
            f"wanted n_embd that n_head divides; got n_embd={n_embd}, n_head={n_head}; "
            "choose a number of heads that divides the channels"
        )
    if n_kv_head < 1 or n_head % n_kv_head:
        raise ValueError(
            f"wanted n_kv_head that divides n_head; got n_head={n_head}, n_kv_head={n_kv_head}; "
            "choose how many groups of query heads share a key head"
        )
    if not 0.0 <= dropout < 1.0:
        raise ValueError(f"wanted dropout from 0 to below 1; got {dropout}; pass the share of weights to drop")
