"""Activation-aware weights: loud inputs get finer steps, without a change of what the model computes in float."""

from collections.abc import Iterator
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..module_tree import with_shared_tensors
from ..packing import packed_weights, restored
from ..schemes import Scheme, scheme
from .calibration import Calibration

Model = TypeVar("Model", bound=nn.Module)
STRENGTHS = tuple(step / 10 for step in range(11))
"""Powers of an input's loudness that are tried as its factor; with 0 nothing changes."""


def equalise(model: Model, calibration: Calibration, how: str | Scheme = "int4") -> tuple[Model, Calibration]:
    """A model that computes the same, with columns of weights multiplied by factors that the norm before them divides
    by, and the calibration that belongs to it.

    A column whose input is loud grows, so that rounding changes it relatively less (Lin et al. 2024, "AWQ", arXiv
    2306.00978, section 3.2). How much is searched for each layer: the power of the loudness with the least error of
    the outputs. Possible where a norm feeds one linear layer alone, as in the blocks of `transformer`; other layers
    stay as they are.
    """
    result, moments, chosen = with_shared_tensors(model), dict(calibration.moments), scheme(how)
    for name, norm, layer in normed_layers(result):
        if name in moments:
            factor = best_factor(layer.weight.detach(), moments[name], chosen)
            scale_columns(norm, layer, factor)
            moments[name] = moments[name] / (factor[:, None] * factor)
    return result, Calibration(moments, calibration.tokens)


def normed_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module, nn.Linear]]:
    """Names of linear layers that alone read a norm, the norms, and the layers."""
    for name, block in model.named_modules():
        if getattr(block, "wiring", None) not in ("pre", "sandwich", "parallel"):
            continue
        parts = dict(block.named_modules())
        for norm, reader, other in (
            ("attention_norm", "attention.qkv", None),
            ("feed_forward_norm", "feed_forward.up", "feed_forward.gate"),
        ):
            layer = parts.get(reader)
            if isinstance(layer, nn.Linear) and norm in parts and (other is None or other not in parts):
                yield f"{name}.{reader}".lstrip("."), parts[norm], layer


def best_factor(weight: Float[Tensor, "out in"], moment: Float[Tensor, "in in"], how: Scheme) -> Float[Tensor, " in"]:
    """The factor of each input that makes the error of rounded outputs least."""
    loudness = moment.diagonal().sqrt().clamp(min=1e-6)
    best, least = torch.ones_like(loudness), torch.inf
    for strength in STRENGTHS:
        factor = loudness**strength
        factor = factor / (factor.max() * factor.min()).sqrt()
        packed = packed_weights(weight * factor, how)
        difference = restored(packed["weight"], packed.get("scale"), None) / factor - weight
        error = float(((difference @ moment) * difference).sum())
        if error < least:
            best, least = factor, error
    return best


@torch.no_grad()
def scale_columns(norm: nn.Module, layer: nn.Linear, factor: Float[Tensor, " in"]) -> None:
    """Multiply the columns of a layer and divide its norm's outputs, in new tensors: those of the original stay."""
    layer.weight = nn.Parameter(layer.weight * factor)
    for name, parameter in list(norm.named_parameters(recurse=False)):
        setattr(norm, name, nn.Parameter(parameter / factor))
