"""What goes on inside: the stream after every layer and where every head looks, on request.

The plain forward pass knows nothing of it: what is recorded here is recorded by hooks that are gone afterwards.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from attention import record_maps

from ..model import GPT2


@dataclass(frozen=True)
class Inside:
    """What a model computed for one batch. The order and the last, normed state are those of `transformers`'
    `output_hidden_states` and `output_attentions`."""

    logits: Float[Tensor, "B T V"]
    states: tuple[Tensor, ...]
    """n_layer + 1 of [B, T, C]: the embeddings, then the stream after each block; the last one is normed, as the head
    reads it. With gradients, where the call has them."""
    maps: tuple[Tensor, ...]
    """n_layer of [B, H, T, T], first layer first: row t says where query t looks. Before dropout, without gradients."""


def look_inside(model: GPT2, tokens: Int[Tensor, "B T"], *, maps: bool = True) -> Inside:
    """Logits, hidden states and attention maps of one call; `maps=False` leaves out the maps, which cost a second
    pass through each layer's scores and B H T² numbers. ValueError as in the model's own call."""
    states: list[Tensor] = []

    def enters(layer: Any, given: tuple[Any, ...]) -> None:
        states.append(given[0])

    def leaves(layer: Any, given: Any, state: Tensor) -> None:
        states.append(state)

    blocks = list(model.decoder.blocks)
    with ExitStack() as stack:
        recorded = stack.enter_context(record_maps(model)) if maps else {}
        handles = [blocks[0].register_forward_pre_hook(enters)]
        handles += [layer.register_forward_hook(leaves) for layer in [*blocks[:-1], model.final_norm]]
        for handle in handles:
            stack.callback(handle.remove)
        logits = model(tokens)
    return Inside(logits, tuple(states), tuple(recorded.values()))
