"""Encoder and decoder together: read one text as a whole, write another from left to right."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from attention import KeyValueCache, Mask

from .norms import LayerNorm
from .stacks import CrossStack, EncoderStack


class EncoderDecoder(nn.Module):
    """The whole of the original architecture between its embeddings and its head (Vaswani et al. 2017, figure 1):
    `encoder`, `decoder`, each of n_layer blocks and with a norm at its end. `parts` as in the stacks."""

    def __init__(self, n_layer: int, n_embd: int, n_head: int, *, eps: float = 1e-5, **parts: Any) -> None:
        super().__init__()
        norm = parts.get("norm", LayerNorm)
        self.encoder = EncoderStack(n_layer, n_embd, n_head, eps=eps, **parts)
        self.encoder_norm = norm(n_embd, eps)
        self.decoder = CrossStack(n_layer, n_embd, n_head, eps=eps, **parts)
        self.decoder_norm = norm(n_embd, eps)

    def forward(
        self, source: Float[Tensor, "B S C"], target: Float[Tensor, "B T C"], source_mask: Mask | None = None
    ) -> Float[Tensor, "B T C"]:
        """What the decoder makes of the target, token by token, having read the source. `source_mask`, a rule such as
        `padding(lengths)`, says which tokens of the source may be looked at, by encoder and decoder alike."""
        return self.decode(target, self.encode(source, source_mask), source_mask)

    def encode(self, source: Float[Tensor, "B S C"], source_mask: Mask | None = None) -> Float[Tensor, "B S C"]:
        """The source, read: computed once, however many tokens are then written."""
        return self.encoder_norm(self.encoder(source, source_mask))

    def remember(self, encoded: Float[Tensor, "B S C"]) -> list[tuple[Tensor, Tensor]]:
        """Keys and values of the encoded source for each of the decoder's blocks: where tokens are written one by one,
        `decode` takes this instead of `encoded` and does not compute them anew for each."""
        return self.decoder.keys_values(encoded)

    def decode(
        self,
        target: Float[Tensor, "B T C"],
        encoded: Float[Tensor, "B S C"] | list[tuple[Tensor, Tensor]],
        source_mask: Mask | None = None,
        cache: KeyValueCache | None = None,
    ) -> Float[Tensor, "B T C"]:
        """The target's next states. With a cache, target follows what it holds; the caller advances it."""
        return self.decoder_norm(self.decoder(target, encoded, cache, source_mask=source_mask))
