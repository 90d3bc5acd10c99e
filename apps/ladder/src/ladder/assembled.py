"""A GPT-2 put together from anyone's pieces: the weights have our names, what is computed with them is not ours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import attention
import gpt2
import transformer

Part = Callable[[Tensor], Tensor]


def our_block(x: Tensor, attention_norm: Part, attend: Part, feed_forward_norm: Part, feed_forward: Part) -> Tensor:
    """GPT-2's wiring."""
    x = x + attend(attention_norm(x))
    return x + feed_forward(feed_forward_norm(x))


def our_forward(
    tokens: Tensor, token_table: Tensor, position_table: Tensor, blocks: Sequence[Part], final_norm: Part
) -> Tensor:
    """From ids to final states."""
    x = token_table[tokens] + position_table[torch.arange(tokens.shape[1])]
    for block in blocks:
        x = block(x)
    return final_norm(x)


def our_initial_weight(kind: str, shape: Sequence[int], n_layer: int, generator: torch.Generator) -> Tensor:
    """GPT-2's first weights."""
    if kind in ("gain", "bias"):
        return torch.full(tuple(shape), float(kind == "gain"))
    deviation = {"position": 0.01, "writer": 0.02 / (2 * n_layer) ** 0.5}.get(kind, 0.02)
    return torch.randn(*shape, generator=generator) * deviation


@dataclass(frozen=True)
class Pieces:
    """What a GPT-2 is made of, as functions; those that nobody gives are ours."""

    causal_mask: Callable[[int], Tensor] = lambda n: torch.ones(n, n, dtype=torch.bool).tril()
    attend: Callable[..., Tensor] = attention.attend
    split_heads: Callable[[Tensor, int], Tensor] = attention.split_heads
    merge_heads: Callable[[Tensor], Tensor] = attention.merge_heads
    layer_norm: Callable[..., Tensor] = lambda x, weight, bias: nn.functional.layer_norm(
        x, (x.shape[-1],), weight, bias
    )
    gelu: Part = lambda x: nn.functional.gelu(x, approximate="tanh")
    block: Callable[..., Tensor] = our_block
    forward: Callable[..., Tensor] = our_forward
    head: Callable[[Tensor, Tensor], Tensor] = lambda states, table: states @ table.T
    initial_weight: Callable[..., Tensor] = our_initial_weight


class AssembledGPT2(gpt2.GPT2):
    """A GPT-2 whose forward pass and first weights are made of `pieces`. It reads whole texts, without a cache."""

    def __init__(self, config: gpt2.GPT2Config, pieces: Pieces, generator: torch.Generator | None = None) -> None:
        super().__init__(config)
        self.pieces = pieces
        if generator is not None:
            self.draw(generator)

    @property
    def new_cache(self) -> Any:
        """There is none."""
        raise AttributeError("an assembled GPT-2 has no cache; load its folder with gpt2.load for one that has")

    @torch.no_grad()
    def draw(self, generator: torch.Generator) -> None:
        """First weights, in the order in which GPT-2's are drawn."""
        tables: dict[nn.Module, float] = {self.token_embedding: 0.02, self.position_embedding: 0.01}
        names = {id(parameter): name for name, parameter in self.named_parameters()}
        for parameter, _, _ in transformer.initial_distributions(self, tables=tables):
            kind = kind_of(names[id(parameter)])
            drawn = self.pieces.initial_weight(kind, tuple(parameter.shape), self.config.n_layer, generator)
            parameter.copy_(drawn)

    def hidden(
        self, tokens: Tensor, cache: Any = None, lengths: Any = None, starts: Any = None, table: Tensor | None = None
    ) -> Tensor:
        """The final state of every token."""
        blocks = [partial(self._block, block) for block in self.decoder.blocks]
        tables = self.token_embedding.weight if table is None else table, self.position_embedding.weight
        return self.pieces.forward(tokens, *tables, blocks, partial(self._norm, self.final_norm))

    def forward(self, tokens: Tensor, cache: Any = None, lengths: Any = None, last_only: bool = False) -> Tensor:
        """Logits [B, T, V], or those after the last token, [B, V]."""
        logits = self.pieces.head(self.hidden(tokens), self.token_embedding.weight)
        return logits[:, -1] if last_only else logits

    def _block(self, block: Any, x: Tensor) -> Tensor:
        return self.pieces.block(
            x,
            partial(self._norm, block.attention_norm),
            partial(self._attention, block.attention),
            partial(self._norm, block.feed_forward_norm),
            partial(self._feed_forward, block.feed_forward),
        )

    def _norm(self, norm: Any, x: Tensor) -> Tensor:
        return self.pieces.layer_norm(x, norm.weight, norm.bias)

    def _attention(self, layer: Any, x: Tensor) -> Tensor:
        q, k, v = (self.pieces.split_heads(part, layer.n_head) for part in layer.qkv(x).chunk(3, dim=-1))
        mask = self.pieces.causal_mask(x.shape[1])[None, None]
        return layer.out(self.pieces.merge_heads(self.pieces.attend(q, k, v, mask)))

    def _feed_forward(self, layer: Any, x: Tensor) -> Tensor:
        return layer.down(self.pieces.gelu(layer.up(x)))


def kind_of(name: str) -> str:
    """What a weight is, by its name: token, position, matrix, writer, gain or bias."""
    part, _, last = name.rpartition(".")
    if part in ("token_embedding", "position_embedding"):
        return part.removesuffix("_embedding")
    if last == "bias":
        return "bias"
    if part.endswith("norm"):
        return "gain"
    return "writer" if part.endswith((".out", ".down")) else "matrix"
