"""Multi-head self-attention: several smaller attentions side by side, with the weights that they need."""

from jaxtyping import Float
from torch import Tensor, nn

from .algebra import Mask
from .fast import attend
from .heads import merge_heads, split_heads
from .layer_cache import LayerCache


class MultiHeadAttention(nn.Module):
    """Self-attention over [B, T, C] in n_head heads (Vaswani et al. 2017, section 3.2.2).

    `qkv` computes queries, keys and values in one product, in this order along its output; `out` mixes the heads.
    `dropout` is the share of attention weights that is dropped while training.
    """

    def __init__(self, n_embd: int, n_head: int, *, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        if n_head < 1 or n_embd < 1 or n_embd % n_head:
            raise ValueError(
                f"wanted n_embd that n_head divides; got n_embd={n_embd}, n_head={n_head}; "
                "choose a number of heads that divides the channels"
            )
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"wanted dropout from 0 to below 1; got {dropout}; pass the share of weights to drop")
        self.n_embd, self.n_head, self.dropout = n_embd, n_head, dropout
        self.qkv = nn.Linear(n_embd, 3 * n_embd, bias=bias)
        self.out = nn.Linear(n_embd, n_embd, bias=bias)

    def forward(
        self, x: Float[Tensor, "B T C"], mask: Mask | Tensor | None = None, cache: LayerCache | None = None
    ) -> Float[Tensor, "B T C"]:
        """Attention of x to itself, or to what `cache` holds followed by x.

        Without a cache `mask` alone decides who sees whom; None lets everyone see everyone. With one, a token sees what
        came before it in its own row and itself, less what `mask` hides (rules are then asked with positions in the
        whole row). ValueError when the last dimension is not n_embd, or the cache is full or of another shape.
        """
        if x.shape[-1] != self.n_embd:
            raise ValueError(
                f"wanted x of shape [B, T, {self.n_embd}]; got {list(x.shape)}; "
                "make the layer as wide as what it is given"
            )
        q, k, v = (split_heads(part, self.n_head) for part in self.qkv(x).chunk(3, dim=-1))
        if cache is not None:
            k, v = cache.write(k, v)
            mask = cache.mask(x.shape[1], mask)
        return self.out(merge_heads(attend(q, k, v, mask, dropout=self.dropout if self.training else 0.0)))

    def extra_repr(self) -> str:
        return f"n_embd={self.n_embd}, n_head={self.n_head}, dropout={self.dropout}"
