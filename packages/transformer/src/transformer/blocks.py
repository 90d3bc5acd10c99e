"""Blocks: look at others, then think alone, each time adding to what was there."""

from collections.abc import Callable
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from attention import LayerCache, Mask, MultiHeadAttention, causal

from .feed_forward import FeedForward
from .norms import LayerNorm
from .wiring import WIRINGS, Residual, check_wiring


class EncoderBlock(nn.Module):
    """Attention, then feed-forward, every token seeing every other one unless a mask hides it.

    `wiring` says where the norms stand:
    "pre": x + part(norm(x)), as in GPT-2 (openai/gpt-2 src/model.py, `block`; Radford et al. 2019, section 2.3);
    "post": norm(x + part(x)), the original (Vaswani et al. 2017, section 5.4) and BERT's;
    "sandwich": x + norm(part(norm(x))) (Ding et al. 2021, section 2.3);
    "parallel": x + attention(norm(x)) + feed_forward(norm(x)), each with its norm (Wang & Komatsuzaki 2021).

    The parts are made by `norm(n_embd, eps)`, `attention(n_embd, n_head, dropout=dropout)` and `feed_forward(n_embd)`:
    other classes, or these with `functools.partial`. `dropout` is the share dropped while training, of attention
    weights and of what each part adds.
    """

    wirings: tuple[str, ...] = WIRINGS

    def __init__(
        self,
        n_embd: int,
        n_head: int,
        *,
        dropout: float = 0.0,
        eps: float = 1e-5,
        wiring: str = "pre",
        norm: Callable[..., nn.Module] = LayerNorm,
        attention: Callable[..., nn.Module] = MultiHeadAttention,
        feed_forward: Callable[..., nn.Module] = FeedForward,
    ) -> None:
        super().__init__()
        check_wiring(wiring, *self.wirings)
        self.n_embd, self.wiring, self.dropout = n_embd, wiring, nn.Dropout(dropout)
        self.add_parts(
            partial(norm, n_embd, eps),
            partial(attention, n_embd, n_head, dropout=dropout),
            partial(feed_forward, n_embd),
        )

    def add_parts(
        self, norm: Callable[[], nn.Module], attention: Callable[[], nn.Module], feed_forward: Callable[[], nn.Module]
    ) -> None:
        """The layers of the block, each made by a call without arguments."""
        self.attention_norm, self.attention = norm(), attention()
        self.feed_forward_norm, self.feed_forward = norm(), feed_forward()
        self.attention_norm_after = norm() if self.wiring == "sandwich" else None
        self.feed_forward_norm_after = norm() if self.wiring == "sandwich" else None

    def forward(self, x: Float[Tensor, "B T C"], mask: Mask | Tensor | None = None) -> Float[Tensor, "B T C"]:
        """The stream after this block. None lets everyone see everyone."""
        return self.both_parts(x, lambda y: self.attention(y, mask))

    def both_parts(self, x: Tensor, look: Callable[[Tensor], Tensor]) -> Tensor:
        """Attention as `look` does it, then feed-forward, wired."""
        attend = Residual(self.wiring, self.attention_norm, self.attention_norm_after, self.dropout)
        think = Residual(self.wiring, self.feed_forward_norm, self.feed_forward_norm_after, self.dropout)
        if self.wiring == "parallel":
            return x + attend.change(x, look) + think.change(x, self.feed_forward)
        return think(attend(x, look), self.feed_forward)


class DecoderBlock(EncoderBlock):
    """A block that looks back only, and can go on from a cache. Wirings and parts as in `EncoderBlock`."""

    def forward(
        self, x: Float[Tensor, "B T C"], mask: Mask | Tensor | None = None, cache: LayerCache | None = None
    ) -> Float[Tensor, "B T C"]:
        """The stream after this block. `mask` is the causal rule when None; with a cache, x follows what it holds."""
        mask = causal() if mask is None else mask
        return self.both_parts(x, lambda y: self.attention(y, mask, cache))


class CrossBlock(DecoderBlock):
    """A decoder block that, between its two parts, looks at a source: what an encoder made of another text (Vaswani et
    al. 2017, figure 1, right). Wired "pre", "post" or "sandwich"; `attention` must take a `source`."""

    wirings: tuple[str, ...] = ("pre", "post", "sandwich")

    def add_parts(
        self, norm: Callable[[], nn.Module], attention: Callable[[], nn.Module], feed_forward: Callable[[], nn.Module]
    ) -> None:
        """Those of every block, and a second attention."""
        super().add_parts(norm, attention, feed_forward)
        self.cross_norm, self.cross_attention = norm(), attention()
        self.cross_norm_after = norm() if self.wiring == "sandwich" else None

    def forward(  # type: ignore[override]
        self,
        x: Float[Tensor, "B T C"],
        source: Float[Tensor, "B S C"] | tuple[Tensor, Tensor],
        mask: Mask | Tensor | None = None,
        cache: LayerCache | None = None,
        *,
        source_mask: Mask | Tensor | None = None,
    ) -> Float[Tensor, "B T C"]:
        """The stream after this block. `mask` and `cache` are about x as in `DecoderBlock`, `source_mask` about which
        tokens of the source each query may look at. `source` may also be what `cross_attention.keys_values` made of
        it, so that many steps share the work."""
        mask = causal() if mask is None else mask
        attend = Residual(self.wiring, self.attention_norm, self.attention_norm_after, self.dropout)
        cross = Residual(self.wiring, self.cross_norm, self.cross_norm_after, self.dropout)
        think = Residual(self.wiring, self.feed_forward_norm, self.feed_forward_norm_after, self.dropout)
        x = attend(x, lambda y: self.attention(y, mask, cache))
        x = cross(x, lambda y: self.cross_attention(y, source_mask, source=source))
        return think(x, self.feed_forward)
