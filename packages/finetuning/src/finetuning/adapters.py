"""Adapters: a small set of weights that learns beside a frozen model, and can be taken off again."""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gpt2 import GPT2

from .adapted import AdaptedLinear

TARGETS = ("attention.qkv", "attention.out", "feed_forward.up", "feed_forward.down")
"""The linear layers of a block, by the names that they have in our model."""
METHODS = ("lora", "dora")


@dataclass(frozen=True)
class Adapter:
    """Which layers are adapted, and how.

    rank, alpha: the correction has so many directions, and is multiplied by alpha / rank; with `root` by
        alpha / sqrt(rank), so that larger ranks learn no more slowly (rsLoRA; Kalajdzievski 2023, arXiv 2312.03732).
    targets: out of `TARGETS`, in every block.
    method: "lora" or "dora".
    dropout: share of a layer's input that its correction does not see while training.
    Raises ValueError for a rank, alpha, dropout, target or method that cannot be.
    """

    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = TARGETS
    method: str = "lora"
    root: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError(f"rank: wanted 1 or more, got {self.rank}; 8 is usual")
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"alpha: wanted a number above 0, got {self.alpha}; twice the rank is usual")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: wanted from 0 to below 1, got {self.dropout}; 0 leaves it out")
        if self.method not in METHODS:
            raise ValueError(f"method: wanted one of {', '.join(METHODS)}, got {self.method!r}; lora is usual")
        if not self.targets:
            raise ValueError(f"targets: wanted some of {', '.join(TARGETS)}, got none; leave it out for all")
        if strangers := [target for target in self.targets if target not in TARGETS]:
            tables = any("embedding" in target or target in ("wte", "wpe", "lm_head") for target in strangers)
            cure = "GPT-2's head is its table, so neither can change alone" if tables else "leave it out for all"
            raise ValueError(f"targets: wanted some of {', '.join(TARGETS)}, got {', '.join(strangers)}; {cure}")

    @property
    def scale(self) -> float:
        """What the corrections are multiplied by."""
        return self.alpha / (math.sqrt(self.rank) if self.root else self.rank)


def with_adapter(model: GPT2, adapter: Adapter, *, generator: torch.Generator | None = None) -> GPT2:
    """The same model with an adapter that has learned nothing yet: its logits are those of `model`, bit for bit.

    The weights of `model` are shared, not copied, and are frozen from now on, in `model` too; so one base serves
    several adapters. generator: draws the new weights. ValueError for a model that has an adapter already.
    """
    if next(adapted_layers(model), None) is not None:
        raise ValueError("model: wanted one without an adapter, got one that has one; merge it first, or take its base")
    adapted = _sharing(model)
    adapted.requires_grad_(False)
    for name in layers_of(model, adapter.targets):
        base = adapted.get_submodule(name)
        layer = AdaptedLinear(
            base,
            adapter.rank,
            adapter.scale,
            dropout=adapter.dropout,
            magnitudes=adapter.method == "dora",
            generator=generator,
        )
        adapted.set_submodule(name, layer.train(base.training))
    return adapted


def adapted_layers(model: nn.Module) -> Iterator[tuple[str, AdaptedLinear]]:
    """The adapted layers of a model, with their names."""
    return ((name, layer) for name, layer in model.named_modules() if isinstance(layer, AdaptedLinear))


def adapter_state(model: nn.Module) -> dict[str, Tensor]:
    """The tensors of a model's adapter, by their names in the model; they are the ones that learn, not copies."""
    return {
        f"{name}.{part}": parameter.data
        for name, layer in adapted_layers(model)
        for part, parameter in layer.named_parameters(recurse=False)
    }


def without_adapter(model: GPT2) -> GPT2:
    """The model as it was before `with_adapter`, whose weights it shares."""
    plain = _sharing(model)
    for name, layer in list(adapted_layers(plain)):
        plain.set_submodule(name, layer.base)
    return plain


def merged(model: GPT2) -> GPT2:
    """A plain GPT-2 whose weights are base + correction; it computes the same as `model` up to rounding, and any tool
    opens it. The other weights are shared. ValueError where there is no adapter, or the base holds whole numbers:
    rounding them anew would take a light adapter away.
    """
    layers = list(adapted_layers(model))
    if not layers:
        raise ValueError("model: wanted one with an adapter, got one without; it is what merging would give")
    for name, layer in layers:
        if not isinstance(layer.base, nn.Linear):
            raise ValueError(
                f"{name}: wanted a base in float, got {type(layer.base).__name__}, whose whole numbers cannot hold a "
                f"small correction; put the adapter on the model that was quantized, merge there, and quantize again"
            )
    plain = without_adapter(model)
    for name, layer in layers:
        base = layer.base
        assert isinstance(base, nn.Linear)
        new = nn.Linear(base.in_features, base.out_features, bias=base.bias is not None, device="meta")
        new.weight = nn.Parameter(layer.merged_weight().to(base.weight.dtype), requires_grad=False)
        new.bias = base.bias
        plain.set_submodule(name, new.train(base.training))
    return plain


def layers_of(model: GPT2, targets: Sequence[str]) -> list[str]:
    """Names of the layers that `targets` mean, block by block."""
    blocks = range(len(model.decoder.blocks))
    return [f"decoder.blocks.{number}.{target}" for number in blocks for target in TARGETS if target in targets]


def _sharing(model: GPT2) -> GPT2:
    """A copy of the modules whose parameters and buffers are those of `model`."""
    memo = {id(tensor): tensor for tensor in [*model.parameters(), *model.buffers()]}
    return copy.deepcopy(model, memo)
