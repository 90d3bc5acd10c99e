"""Blocks on top of each other."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from attention import KeyValueCache, Mask

from .blocks import CrossBlock, DecoderBlock, EncoderBlock


class Stack(nn.Module):
    """n_layer blocks, one after the other, without a norm at the end (the model around it owns that).

    `parts` are the block's own arguments: wiring, norm, attention, feed_forward. With `recompute` a block's inner
    values are not kept while training but computed again in the backward pass (Chen et al. 2016): less memory, a third
    more work, the same gradients.
    """

    block: type[EncoderBlock]

    def __init__(
        self,
        n_layer: int,
        n_embd: int,
        n_head: int,
        *,
        dropout: float = 0.0,
        eps: float = 1e-5,
        recompute: bool = False,
        **parts: Any,
    ) -> None:
        super().__init__()
        if n_layer < 1:
            raise ValueError(f"wanted n_layer of at least 1; got {n_layer}; pass how many blocks to stack")
        self.n_embd, self.recompute = n_embd, recompute
        self.blocks = nn.ModuleList(
            self.block(n_embd, n_head, dropout=dropout, eps=eps, **parts) for _ in range(n_layer)
        )

    def run(self, x: Tensor, cache: KeyValueCache | None, given: Sequence[tuple[Any, ...]], **named: Any) -> Tensor:
        """x through all blocks, block i called with (x, *given[i]), and its layer of the cache where there is one."""
        if x.ndim != 3 or x.shape[-1] != self.n_embd or not x.is_floating_point():
            raise ValueError(
                f"wanted a stream [B, T, {self.n_embd}], floating; got {list(x.shape)} of {x.dtype}; "
                f"{_advice(x, self.n_embd)}"
            )
        if cache is not None and cache.n_rows != len(x):
            raise ValueError(
                f"wanted a cache for the {len(x)} rows of this batch; got one for {cache.n_rows}; "
                "make a cache for each batch"
            )
        if cache is not None and cache.n_layer != len(self.blocks):
            raise ValueError(
                f"wanted a cache of {len(self.blocks)} layers; got one of {cache.n_layer}; "
                "make the cache for this stack"
            )
        recompute = self.recompute and self.training and torch.is_grad_enabled() and cache is None
        for index, block in enumerate(self.blocks):
            if cache is not None:
                named["cache"] = cache.layer(index)
            if recompute:
                x = checkpoint(block, x, *given[index], use_reentrant=False, **named)
            else:
                x = block(x, *given[index], **named)
        return x


class EncoderStack(Stack):
    """Encoder blocks: everyone sees everyone."""

    block = EncoderBlock

    def forward(self, x: Float[Tensor, "B T C"], mask: Mask | Tensor | None = None) -> Float[Tensor, "B T C"]:
        """The stream after the last block."""
        return self.run(x, None, [(mask,)] * len(self.blocks))


class DecoderStack(Stack):
    """Decoder blocks: each token sees what came before it."""

    block = DecoderBlock

    def forward(
        self, x: Float[Tensor, "B T C"], cache: KeyValueCache | None = None, *, mask: Mask | Tensor | None = None
    ) -> Float[Tensor, "B T C"]:
        """The stream after the last block. A cache is written, layer by layer, but not advanced: the caller knows which
        tokens are real and calls `cache.advance` once. ValueError for a cache of another number of layers."""
        return self.run(x, cache, [(mask,)] * len(self.blocks))


class CrossStack(Stack):
    """Decoder blocks that look at a source too."""

    block = CrossBlock

    def keys_values(self, source: Float[Tensor, "B S C"]) -> list[tuple[Tensor, Tensor]]:
        """What a source is to each block, computed once: hand it to `forward` as `source` for every step."""
        return [block.cross_attention.keys_values(source) for block in self.blocks]  # type: ignore[operator, union-attr]

    def forward(
        self,
        x: Float[Tensor, "B T C"],
        source: Float[Tensor, "B S C"] | list[tuple[Tensor, Tensor]],
        cache: KeyValueCache | None = None,
        *,
        mask: Mask | Tensor | None = None,
        source_mask: Mask | Tensor | None = None,
    ) -> Float[Tensor, "B T C"]:
        """The stream after the last block, all of which look at the same source. The cache is about x, as in
        `DecoderStack`. ValueError for keys and values of another number of layers."""
        first = source if isinstance(source, Tensor) else source[0][0] if len(source) else x
        if first.ndim >= 3 == x.ndim and len(first) != len(x):
            raise ValueError(
                f"wanted a source of the {len(x)} rows of this batch; got one of {len(first)}; read each row's"
            )
        sources = [source] * len(self.blocks) if isinstance(source, Tensor) else source
        if len(sources) != len(self.blocks):
            raise ValueError(
                f"wanted keys and values for {len(self.blocks)} layers; got {len(sources)}; "
                "make them with keys_values of this stack"
            )
        return self.run(x, cache, [(each, mask) for each in sources], source_mask=source_mask)


def _advice(x: Tensor, n_embd: int) -> str:
    if not x.is_floating_point():
        return "embed the ids first: an nn.Embedding makes [B, T, C] of [B, T]"
    if x.ndim == 2 and x.shape[-1] == n_embd:
        return "a single text is a batch of one: x[None]"
    return "make the stack as wide as what it is given"
