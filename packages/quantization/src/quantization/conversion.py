"""`quantize`: the same model, with the weights of its linear layers, embeddings and convolutions as whole numbers."""

import copy
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from torch import Tensor, nn

from embeddings import LearnedPositions, TokenEmbedding

from .convolution import CONVOLUTIONS, QuantizedConvolution
from .layers import QuantizedEmbedding, QuantizedLinear, layer_of
from .packing import group_that_fits
from .schemes import Scheme, scheme

Model = TypeVar("Model", bound=nn.Module)
READS_ITS_CHILDREN = (nn.MultiheadAttention, nn.TransformerEncoderLayer)
"""Modules of torch that compute with the weights of their own linear layers instead of calling them."""
logger = logging.getLogger(__name__)


def quantize(
    model: Model, how: str | Scheme | Mapping[str, str | Scheme] = "int8", *, keep: Sequence[str] = ()
) -> Model:
    """A model like `model`, whose layers hold their weights by a scheme; what is not quantized is shared, not copied.

    how: one scheme ("int8", "int8-weight-only", "int4", "int4:64", "bfloat16"), or one for each of some layers by their
        names in `named_modules()`; all others stay as they are.
    keep: names of layers that stay as they are.
    Weights that two layers share stay shared. A layer whose rows no group of int4 fills has int8. Layers of another
    kind stay in float, and a warning of this module's logger names them. Raises ValueError for a scheme or layer that
    does not exist, a model that is quantized already, and weights that are not finite.
    """
    refuse_quantized(model)
    plan = {name: how_of for name, how_of in plan_of(model, how).items() if name not in keep}
    check_names(model, keep)
    made: dict[tuple[int, Scheme], dict[str, Tensor]] = {}
    result = with_shared_tensors(model)
    for name, how_of in plan.items():
        layer = model.get_submodule(name)
        packed = made.get((id(layer.weight), how_of))
        try:
            quantized = replacement(layer, how_of, packed)
        except ValueError as error:
            raise ValueError(f"layer {name or type(layer).__name__}: {error}") from None
        made[id(layer.weight), how_of] = {n: b for n, b in quantized.named_buffers() if n != "bias"}
        result = put(result, name, quantized)
    return result


def plan_of(model: nn.Module, how: str | Scheme | Mapping[str, str | Scheme]) -> dict[str, Scheme]:
    """The scheme of every layer that is to change, by its name."""
    layers = dict(quantizable_layers(model))
    if isinstance(how, Mapping):
        check_names(model, list(how))
        odd = [name for name in how if name not in layers]
        if odd:
            raise ValueError(
                f"layers: wanted linear layers, embeddings or convolutions, got {', '.join(odd)}; leave those in float"
            )
        wanted = {name: scheme(text) for name, text in how.items()}
    else:
        wanted = dict.fromkeys(layers, scheme(how))
        warn_of_others(model)
    fitting = how if isinstance(how, str) and how == "int4" else None
    plan = {name: possible(layers[name], one, fitting is not None) for name, one in wanted.items()}
    return {name: one for name, one in plan.items() if one.name != "float32"}


def possible(layer: nn.Module, wanted: Scheme, any_group: bool) -> Scheme:
    """The scheme itself, or for int4 with rows that it cannot cut the nearest that can be."""
    if wanted.name != "int4" or isinstance(layer, CONVOLUTIONS):
        return wanted
    columns = weight_of(layer).shape[1]
    if columns % 2:
        return Scheme("int8-weight-only")
    return Scheme("int4", group_that_fits(columns, wanted.group_size or columns)) if any_group else wanted


def quantizable_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Names and modules of the layers that `quantize` can change, in their order in the model."""
    closed = [f"{name}." for name, module in model.named_modules() if isinstance(module, READS_ITS_CHILDREN)]
    for name, module in model.named_modules():
        if is_quantizable(module) and not any(name.startswith(inside) or inside == "." for inside in closed):
            yield name, module


def is_quantizable(module: nn.Module) -> bool:
    if type(module) is nn.Embedding:
        return module.max_norm is None
    if type(module) in CONVOLUTIONS:
        return module.padding_mode == "zeros"
    return type(module) in (nn.Linear, TokenEmbedding)


def replacement(layer: nn.Module, how: Scheme, packed: Mapping[str, Tensor] | None = None) -> nn.Module:
    """The quantized layer of a float one; `packed` where its whole numbers have been chosen already."""
    weight = weight_of(layer)
    if not weight.isfinite().all():
        raise ValueError(
            "weight: wanted finite numbers, got infinite ones or NaN; look for what went wrong in training"
        )
    if isinstance(layer, nn.Linear):
        return layer_of(QuantizedLinear, weight, layer.bias, how, packed)
    if isinstance(layer, CONVOLUTIONS):
        return QuantizedConvolution.of(layer, how)
    table = layer_of(QuantizedEmbedding, weight, None, how, packed)
    if isinstance(layer, TokenEmbedding):
        table.factor = layer.scale
    return table


def weight_of(layer: nn.Module) -> Tensor:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return weight


def with_shared_tensors(model: Model) -> Model:
    """A copy of the modules whose parameters and buffers are those of `model`."""
    memo = {id(tensor): tensor for tensor in [*model.parameters(), *model.buffers()]}
    return copy.deepcopy(model, memo)


def put(model: Model, name: str, layer: nn.Module) -> Model:
    """`layer` in the place of that name: everywhere where the module there is used."""
    old = model.get_submodule(name)
    if old is model:
        return layer  # type: ignore[return-value]
    for module in list(model.modules()):
        for child, found in list(module._modules.items()):
            if found is old:
                module._modules[child] = layer
    return model


def refuse_quantized(model: nn.Module) -> None:
    done = [module for module in model.modules() if isinstance(module, QuantizedLinear | QuantizedConvolution)]
    if done:
        raise ValueError(
            f"model: wanted one in float, got one with {len(done)} layers quantized already ({done[0].scheme}); "
            "rounding twice loses twice: quantize the original"
        )


def check_names(model: nn.Module, names: Sequence[str]) -> None:
    known = dict(model.named_modules())
    if strangers := [name for name in names if name not in known]:
        some = ", ".join(list(dict(quantizable_layers(model)))[:4])
        raise ValueError(f"layers: wanted names of the model's, got {', '.join(strangers)}; they are called {some} …")


def left_in_float(model: nn.Module) -> list[str]:
    """Layers with matrices that `quantize` does not know, as "name (type)"; positions stay in float on purpose."""
    known = {id(module) for _, module in quantizable_layers(model)}
    return [
        f"{name or 'the model'} ({type(module).__name__})"
        for name, module in model.named_modules()
        if id(module) not in known
        and not isinstance(module, QuantizedLinear | QuantizedConvolution | LearnedPositions)
        and any(parameter.ndim > 1 for parameter in module.parameters(recurse=False))
    ]


def warn_of_others(model: nn.Module) -> None:
    if others := left_in_float(model):
        logger.warning(
            "left in float, since only linear layers, embeddings and convolutions can change: %s", ", ".join(others)
        )
