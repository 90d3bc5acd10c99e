"""How weights begin: rules that keep the stream's size in hand however many blocks add to it."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from .blocks import EncoderBlock
from .norms import LayerNorm, RMSNorm
from .stacks import Stack

NORMS = (LayerNorm, RMSNorm, nn.LayerNorm, nn.RMSNorm)


@torch.no_grad()
def initialise(
    module: nn.Module,
    *,
    deviation: float = 0.02,
    tables: Mapping[nn.Module, float] | None = None,
    generator: torch.Generator | None = None,
) -> None:
    """Draw the weights of a block, a stack or a model around them as GPT-2 does: matrices and embeddings normal with
    `deviation`, biases zero, norms one.

    Layers that write to the stream are drawn smaller, by 1 / sqrt(n) where n of them write to the same one: 2 n_layer
    in a stack, 3 n_layer where blocks look at a source (Radford et al. 2019, section 2.3; deviations from openai/gpt-2
    src/model.py). `tables` gives other modules with a `weight`, such as those of `embeddings`, their deviation.
    `generator` is what is drawn from, torch's global one by default. ValueError for a deviation that is not above 0.
    """
    for parameter, mean, spread in initial_distributions(module, deviation=deviation, tables=tables):
        draw(parameter, mean, spread, generator)


def initial_distributions(
    module: nn.Module, *, deviation: float = 0.02, tables: Mapping[nn.Module, float] | None = None
) -> Iterator[tuple[nn.Parameter, float, float]]:
    """Each parameter that `initialise` draws, with the mean and the deviation that it begins with (0 for one that is
    filled with the mean), in the order of drawing. For models whose weights are drawn one by one, as shards are:
    `draw` each into a full tensor."""
    tables = tables or {}
    for given in (deviation, *tables.values()):
        if not given > 0:
            raise ValueError(f"wanted a deviation above 0; got {given}; call zero_outputs to begin with zeros")
    smaller = {writer: deviation / len(together) ** 0.5 for together in writers(module) for writer in together}
    drawn = set()
    for part in module.modules():
        for name, parameter in part.named_parameters(recurse=False):
            if parameter in drawn or name not in ("weight", "bias"):
                continue
            if isinstance(part, NORMS):
                distribution = (1.0 if name == "weight" else 0.0), 0.0
            elif isinstance(part, nn.Linear) and name == "bias":
                distribution = 0.0, 0.0
            elif part in tables or isinstance(part, nn.Linear | nn.Embedding):
                distribution = 0.0, tables.get(part, smaller.get(part, deviation))
            else:
                continue
            drawn.add(parameter)
            yield parameter, *distribution


@torch.no_grad()
def draw(tensor: Tensor, mean: float, deviation: float, generator: torch.Generator | None = None) -> None:
    """Fill `tensor` in place from the normal distribution with this mean and deviation; a deviation of 0 is the mean
    itself, and takes nothing from `generator`."""
    if deviation == 0:
        tensor.fill_(mean)
    else:
        tensor.normal_(mean, deviation, generator=generator)


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
