"""How weights begin: rules that keep the stream's size in hand however many blocks add to it."""

from collections.abc import Iterator

import torch
from torch import nn

from .blocks import EncoderBlock
from .norms import LayerNorm, RMSNorm
from .stacks import Stack

NORMS = (LayerNorm, RMSNorm, nn.LayerNorm, nn.RMSNorm)


@torch.no_grad()
def initialise(module: nn.Module, *, deviation: float = 0.02, generator: torch.Generator | None = None) -> None:
    """Draw the weights of a block, a stack or a model around them as GPT-2 does: matrices and embeddings normal with
    `deviation`, biases zero, norms one.

    Layers that write to the stream are drawn smaller, by 1 / sqrt(n) where n of them write to the same one: 2 n_layer
    in a stack, 3 n_layer where blocks look at a source (Radford et al. 2019, section 2.3; deviations from openai/gpt-2
    src/model.py). `generator` is what is drawn from, torch's global one by default. ValueError for a deviation that is
    not above 0.
    """
    if not deviation > 0:
        raise ValueError(f"wanted a deviation above 0; got {deviation}; call zero_outputs to begin with zeros")
    smaller = {writer: deviation / len(together) ** 0.5 for together in writers(module) for writer in together}
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            part.weight.normal_(0.0, smaller.get(part, deviation), generator=generator)
        elif isinstance(part, NORMS) and part.weight is not None:
            part.weight.fill_(1.0)
        if isinstance(part, (nn.Linear, *NORMS)) and isinstance(bias := getattr(part, "bias", None), nn.Parameter):
            bias.zero_()


@torch.no_grad()
def zero_outputs(module: nn.Module) -> None:
    """Set to zero the layers that write to the stream. Blocks then begin by adding nothing, so that a deep stack starts
    out as trainable as a shallow one (Zhang et al. 2019, "Fixup", rule 1)."""
    for together in writers(module):
        for writer in together:
            for parameter in writer.parameters():
                parameter.zero_()


def writers(module: nn.Module) -> Iterator[list[nn.Module]]:
    """The layers that write to a stream: those of each stack together, those of each block that stands alone."""
    stacked = {block for stack in module.modules() if isinstance(stack, Stack) for block in stack.blocks}
    for part in module.modules():
        if isinstance(part, Stack):
            yield [writer for block in part.blocks for writer in last_layers(block)]
        elif isinstance(part, EncoderBlock) and part not in stacked:
            yield last_layers(part)


def last_layers(block: nn.Module) -> list[nn.Module]:
    """What ends a block's parts: `out` of each attention, `down` of the feed-forward layer, where it has these."""
    ends = ("attention.out", "cross_attention.out", "feed_forward.down")
    return [part for name, part in block.named_modules() if name in ends]
