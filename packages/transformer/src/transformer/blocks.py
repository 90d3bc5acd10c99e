"""A block: look at others, then think alone, each time adding to what was there."""

from jaxtyping import Float
from torch import Tensor, nn

from attention import LayerCache, Mask, MultiHeadAttention, causal

from .feed_forward import FeedForward
from .norms import LayerNorm


class DecoderBlock(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)): normalised before each part, as in GPT-2
    (openai/gpt-2 src/model.py, `block`; Radford et al. 2019, section 2.3).

    `dropout` is the share dropped while training, of attention weights and of what each part adds.
    """

    def __init__(self, n_embd: int, n_head: int, *, dropout: float = 0.0, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = LayerNorm(n_embd, eps)
        self.attention = MultiHeadAttention(n_embd, n_head, dropout=dropout)
        self.feed_forward_norm = LayerNorm(n_embd, eps)
        self.feed_forward = FeedForward(n_embd)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "B T C"], mask: Mask | Tensor | None = None, cache: LayerCache | None = None
    ) -> Float[Tensor, "B T C"]:
        """The stream after this block. `mask` is the causal rule when None; with a cache, x follows what it holds."""
        mask = causal() if mask is None else mask
        x = x + self.dropout(self.attention(self.attention_norm(x), mask, cache))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
