"""`quantize`: the same model, with the weights of its linear layers, embeddings and convolutions as whole numbers."""

import logging
from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from embeddings import TokenEmbedding
from transformer.kernels.fused import fuse
from workbench import Progress, Whole, unwatched

from .convolution import CONVOLUTIONS, QuantizedConvolution
from .layers import QuantizedEmbedding, QuantizedLinear, layer_of
from .module_tree import (
    check_names,
    described,
    left_in_float,
    put,
    quantizable_layers,
    readers_of_children,
    weight_of,
    with_shared_tensors,
)
from .packing import four_bits, group_that_fits
from .rounding.calibration import Calibration
from .rounding.rounding import clipped, compensated
from .schemes import Scheme, scheme

Model = TypeVar("Model", bound=nn.Module)
ROUNDINGS = ("nearest", "clipped", "compensated")
SUBSTITUTE = Scheme("int8-weight-only")
"""What a layer has that cannot have the scheme asked for."""
logger = logging.getLogger(__name__)


def quantize(
    model: Model,
    how: str | Scheme | Mapping[str, str | Scheme] = "int8",
    *,
    calibration: Calibration | None = None,
    rounding: str | None = None,
    keep: Sequence[str] = (),
    progress: Progress = unwatched,
) -> Model:
    """A model like `model`, whose layers hold their weights by a scheme; what is not quantized is shared, not copied.

    how: one scheme ("int8", "int8-weight-only", "int4", "int4:64", "bfloat16"), or one for each of some layers by their
        names in `named_modules()`; all others stay as they are.
    calibration: what `calibrate` saw; it serves int4, where rounding matters.
    rounding: of int4, "nearest" (the default without calibration), "clipped" (to scales with the least squared error)
        or "compensated" (GPTQ; the default with calibration, which it needs).
    keep: names of layers that stay as they are.
    progress: called with the number of layers done, and of all that change.
    A model in half precision gives one whose other weights are in float32, copies. Weights that two layers share stay
    shared. Convolutions, and for int4 layers with rows of an odd length, have
    "int8-weight-only" where whole numbers are asked for. Layers of another kind, and those whose weights another module
    reads itself, stay in float. Warnings of this module's logger name both. Raises ValueError for a scheme or layer
    that does not exist, a model that is quantized already, and weights that are not finite.
    """
    refuse_quantized(model)
    rounding = rounding or ("nearest" if calibration is None else "compensated")
    check_rounding(rounding, calibration)
    plan = {name: how_of for name, how_of in plan_of(model, how).items() if name not in keep}
    check_names(model, keep)
    if not isinstance(how, Mapping):
        warn_of_others(model)
    warn_of_substitutes(model, how, plan)
    made: dict[tuple[int, Scheme], dict[str, Tensor]] = {}
    whole = Whole(len(plan), progress)
    result = with_shared_tensors(model)
    for name, how_of in plan.items():
        layer = model.get_submodule(name)
        packed = made.get((id(layer.weight), how_of))
        moment = None if calibration is None else calibration.moments.get(name)
        try:
            check_finite(weight_of(layer))
            if packed is None and how_of.name == "int4":
                packed = rounded(weight_of(layer).detach(), how_of.group_size, moment, rounding)
            quantized = replacement(layer, how_of, packed)
        except ValueError as error:
            raise ValueError(f"layer {name or type(layer).__name__}: {error}") from None
        made[id(layer.weight), how_of] = {n: b for n, b in quantized.named_buffers() if n != "bias"}
        result = put(result, name, quantized.train(layer.training))
        whole(1, 1)
    widen(result)
    return fuse(result)


def widen(model: nn.Module) -> None:
    """Parameters and buffers in half precision in float32, which is what quantized layers give; shared ones stay
    shared, and a layer that was quantized to bfloat16 stays as it is."""
    wide: dict[int, nn.Parameter] = {}
    for module in model.modules():
        if isinstance(module, (QuantizedLinear, QuantizedConvolution)):
            continue
        for name, buffer in module._buffers.items():
            if buffer is not None and buffer.dtype in (torch.bfloat16, torch.float16):
                module._buffers[name] = buffer.float()
        for name, parameter in module._parameters.items():
            if parameter is not None and parameter.dtype in (torch.bfloat16, torch.float16):
                if id(parameter) not in wide:
                    wide[id(parameter)] = nn.Parameter(parameter.detach().float(), parameter.requires_grad)
                module._parameters[name] = wide[id(parameter)]


def check_rounding(rounding: str, calibration: Calibration | None) -> None:
    if rounding not in ROUNDINGS:
        raise ValueError(f"rounding: wanted {', '.join(ROUNDINGS)}, got {rounding!r}; leave it out for the best")
    if rounding == "compensated" and calibration is None:
        raise ValueError(
            "rounding: wanted a calibration for compensated, got none; pass calibration=calibrate(model, inputs)"
        )


def rounded(weight: Tensor, group_size: int | None, moment: Tensor | None, rounding: str) -> dict[str, Tensor]:
    """Buffers of an int4 layer; one that the calibration never saw in use is clipped instead of compensated."""
    if rounding == "nearest":
        return four_bits(weight, group_size)
    if rounding == "clipped" or moment is None:
        return clipped(weight, group_size, moment)
    return compensated(weight, group_size, moment)


def plan_of(model: nn.Module, how: str | Scheme | Mapping[str, str | Scheme]) -> dict[str, Scheme]:
    """The scheme of every layer that is to change, by its name."""
    layers = dict(quantizable_layers(model))
    if isinstance(how, Mapping):
        check_names(model, list(how))
        odd = [name for name in how if name not in layers]
        if odd:
            readers, modules = readers_of_children(model), dict(model.named_modules())
            raise ValueError(
                "layers: wanted linear layers, embeddings or convolutions that are called, got "
                f"{', '.join(described(name, modules[name], readers) for name in odd)}; leave those in float"
            )
        wanted = {name: scheme(text) for name, text in how.items()}
    else:
        wanted = dict.fromkeys(layers, scheme(how))
    fitting = how if isinstance(how, str) and how == "int4" else None
    plan = {name: possible(layers[name], one, fitting is not None) for name, one in wanted.items()}
    return {name: one for name, one in plan.items() if one.name != "float32"}


def possible(layer: nn.Module, wanted: Scheme, any_group: bool) -> Scheme:
    """The scheme itself; for whole numbers in convolutions, and for int4 with rows that it cannot cut, the nearest."""
    if isinstance(layer, CONVOLUTIONS):
        return SUBSTITUTE if wanted.bits < 16 else wanted
    if wanted.name != "int4":
        return wanted
    columns = weight_of(layer).shape[1]
    if columns % 2:
        return SUBSTITUTE
    return Scheme("int4", group_that_fits(columns, wanted.group_size or columns)) if any_group else wanted


def replacement(layer: nn.Module, how: Scheme, packed: Mapping[str, Tensor] | None = None) -> nn.Module:
    """The quantized layer of a float one; `packed` where its whole numbers have been chosen already."""
    weight = weight_of(layer)
    if isinstance(layer, nn.Linear):
        return layer_of(QuantizedLinear, weight, layer.bias, how, packed)
    if isinstance(layer, CONVOLUTIONS):
        return QuantizedConvolution.of(layer, how)
    table = layer_of(QuantizedEmbedding, weight, None, how, packed)
    if isinstance(layer, TokenEmbedding):
        table.factor = layer.scale
    return table


def check_finite(weight: Tensor) -> None:
    if not weight.isfinite().all():
        raise ValueError("weight: wanted finite numbers, got infinite ones or NaN; look for what went wrong earlier")


def refuse_quantized(model: nn.Module) -> None:
    done = [module for module in model.modules() if isinstance(module, QuantizedLinear | QuantizedConvolution)]
    if done:
        raise ValueError(
            f"model: wanted one in float, got one with {len(done)} layers quantized already ({done[0].scheme}); "
            "rounding twice loses twice: quantize the original"
        )


def warn_of_others(model: nn.Module) -> None:
    if others := left_in_float(model):
        logger.warning(
            "left in float: %s; linear layers, embeddings and convolutions change, where they are called",
            ", ".join(others),
        )


def warn_of_substitutes(
    model: nn.Module, how: str | Scheme | Mapping[str, str | Scheme], plan: Mapping[str, Scheme]
) -> None:
    """Say which layers have another scheme than was asked for."""
    asked = how if isinstance(how, Mapping) else dict.fromkeys(plan, how)
    names = [name for name, one in plan.items() if scheme(asked[name]).name != one.name]
    if names:
        logger.warning(
            "%s instead of %s: %s; convolutions are computed in float, and int4 wants rows of an even length",
            SUBSTITUTE,
            " and ".join(sorted({str(asked[name]) for name in names})),
            ", ".join(f"{name or 'the model'} ({type(model.get_submodule(name)).__name__})" for name in names),
        )
