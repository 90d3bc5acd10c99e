"""The layers of a model by name: which can be quantized, and how one takes the place of another."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from torch import Tensor, nn

from embeddings import LearnedPositions, TokenEmbedding

from .convolution import CONVOLUTIONS, QuantizedConvolution
from .layers import QuantizedLinear

Model = TypeVar("Model", bound=nn.Module)
READS_ITS_CHILDREN = (nn.MultiheadAttention, nn.TransformerEncoderLayer)
"""Modules of torch that compute with the weights of their own linear layers instead of calling them."""


def quantizable_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Names and modules of the layers that `quantize` can change, in their order in the model."""
    readers = readers_of_children(model)
    for name, module in model.named_modules():
        if is_quantizable(module) and reader_of(name, readers) is None:
            yield name, module


def readers_of_children(model: nn.Module) -> dict[str, nn.Module]:
    """Modules that compute with their layers' weights themselves, the outermost first."""
    return {name: module for name, module in model.named_modules() if isinstance(module, READS_ITS_CHILDREN)}


def reader_of(name: str, readers: Mapping[str, nn.Module]) -> nn.Module | None:
    """The outermost of `readers` that the layer of that name is inside of, if there is one."""
    inside = (reader for place, reader in readers.items() if name and (not place or name.startswith(f"{place}.")))
    return next(inside, None)


def is_quantizable(module: nn.Module) -> bool:
    if type(module) is nn.Embedding:
        return module.max_norm is None
    if type(module) in CONVOLUTIONS:
        return module.padding_mode == "zeros"
    return type(module) in (nn.Linear, TokenEmbedding)


def bytes_of(model: nn.Module) -> int:
    """Bytes of all parameters and buffers; those that several layers share count once."""
    tensors = {(t.data_ptr(), t.nbytes): t.nbytes for t in [*model.parameters(), *model.buffers()]}
    return sum(tensors.values())


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


def check_names(model: nn.Module, names: Sequence[str]) -> None:
    known = dict(model.named_modules())
    if strangers := [name for name in names if name not in known]:
        some = ", ".join(list(dict(quantizable_layers(model)))[:4])
        raise ValueError(f"layers: wanted names of the model's, got {', '.join(strangers)}; they are called {some} …")


def left_in_float(model: nn.Module) -> list[str]:
    """Layers with matrices that `quantize` cannot change, as "name (type)", with the reason where the type alone does
    not tell it; positions stay in float on purpose."""
    known = {id(module) for _, module in quantizable_layers(model)}
    readers = readers_of_children(model)
    return [
        described(name, module, readers)
        for name, module in model.named_modules()
        if id(module) not in known
        and not isinstance(module, QuantizedLinear | QuantizedConvolution | LearnedPositions)
        and any(parameter.ndim > 1 for parameter in module.parameters(recurse=False))
    ]


def described(name: str, module: nn.Module, readers: Mapping[str, nn.Module]) -> str:
    """A layer's name and type, and what keeps it in float where another of that type would change."""
    reader, reason = reader_of(name, readers), ""
    if isinstance(module, nn.Embedding) and module.max_norm is not None:
        reason = ", whose max_norm changes its weights"
    elif isinstance(module, CONVOLUTIONS) and module.padding_mode != "zeros":
        reason = f", padded by {module.padding_mode}"
    elif reader is not None:
        reason = f", whose weights {type(reader).__name__} reads itself"
    return f"{name or 'the model'} ({type(module).__name__}{reason})"
