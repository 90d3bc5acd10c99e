"""Blocks on top of each other."""

from jaxtyping import Float
from torch import Tensor, nn

from attention import KeyValueCache

from .blocks import DecoderBlock


class DecoderStack(nn.Module):
    """n_layer decoder blocks, one after the other, without a norm at the end (the model around it owns that)."""

    def __init__(self, n_layer: int, n_embd: int, n_head: int, *, dropout: float = 0.0, eps: float = 1e-5) -> None:
        super().__init__()
        if n_layer < 1:
            raise ValueError(f"wanted n_layer of at least 1; got {n_layer}; pass how many blocks to stack")
        self.blocks = nn.ModuleList(DecoderBlock(n_embd, n_head, dropout=dropout, eps=eps) for _ in range(n_layer))

    def forward(self, x: Float[Tensor, "B T C"], cache: KeyValueCache | None = None) -> Float[Tensor, "B T C"]:
        """The stream after the last block. A cache is written, layer by layer, but not advanced: the caller knows which
        tokens are real and calls `cache.advance` once. ValueError for a cache of another number of layers."""
        if cache is not None and cache.n_layer != len(self.blocks):
            raise ValueError(
                f"wanted a cache of {len(self.blocks)} layers; got one of {cache.n_layer}; "
                "make the cache for this stack"
            )
        for index, block in enumerate(self.blocks):
            x = block(x, cache=None if cache is None else cache.layer(index))
        return x
