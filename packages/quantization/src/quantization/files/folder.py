"""Any quantized model on disk: what its layers are (JSON), and their buffers (safetensors)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from transformer.kernels.fused import fuse
from workbench import expanded, read_object, saved_over

from ..convolution import CONVOLUTIONS, QuantizedConvolution
from ..layers import QuantizedEmbedding, QuantizedLinear
from ..module_tree import is_quantizable, put, weight_of
from ..schemes import Scheme, scheme
from .tensors import packed_file, read_tensors

CONFIGURATION = "quantization.json"
WEIGHTS = "quantized.safetensors"
FORMAT = 1
Model = TypeVar("Model", bound=nn.Module)


def save_weights(folder: str | Path, model: nn.Module, about: Mapping[str, Any] | None = None) -> None:
    """Write `quantization.json` and `quantized.safetensors`: each buffer and parameter once, bit for bit.

    Over an earlier model: whole or not at all, written aside and swapped; what else lies there stays.
    about: further entries for the configuration.
    Raises ValueError for a model without a quantized layer, TypeError for arguments in another order.
    """
    check_order("save_weights(folder, model)", (folder, str | Path), (model, nn.Module))
    contents = packed(model, about)
    with saved_over(expanded(folder).resolve(), stale=lambda path: False) as staged:
        write_packed(staged, contents)


def packed(model: nn.Module, about: Mapping[str, Any] | None = None) -> dict[str, bytes]:
    """What `save_weights` writes: the content of each file. Raises ValueError as that does."""
    layers = {
        name: scheme_of(module)
        for name, module in model.named_modules(remove_duplicate=False)
        if isinstance(module, QuantizedLinear | QuantizedConvolution)
    }
    if not layers:
        raise ValueError('model: wanted a quantized one, got one in float; call quantize(model, "int8") first')
    state = model.state_dict()
    shared = names_of_shared(state)
    weights, sha256 = packed_file({name: tensor for name, tensor in state.items() if name not in shared})
    content = {"format": FORMAT, **(about or {}), "layers": layers, "shared": shared, "sha256": sha256}
    described = (json.dumps(content, indent=2) + "\n").encode()
    return {WEIGHTS: weights, CONFIGURATION: described}


def write_packed(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write those files into a folder that is staged."""
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def load_weights(folder: str | Path, model: Model) -> Model:
    """The model of `save_weights` in the modules of `model`, the float one (or one like it, on any device).

    The tensors of the file take the places of those that are there: best is a `model` on the meta device, which holds
    none. Raises ValueError for a folder that is incomplete, damaged, or of another model.
    """
    content = read_configuration(folder)
    tensors = read_tensors(Path(folder) / WEIGHTS, content["sha256"])
    for name, text in content["layers"].items():
        put(model, name, empty_layer(model, name, scheme(text), f"{name}.zero" in tensors))
    for name, held in content["shared"].items():
        if held in tensors:
            tensors[name] = tensors[held]
    check_tensors(Path(folder) / WEIGHTS, model.state_dict(), tensors)
    model.load_state_dict(tensors, assign=True)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return fuse(model)


def check_order(wanted: str, *arguments: tuple[Any, Any]) -> None:
    """TypeError where an argument is not of its type; `wanted` is the call as it should be."""
    if not all(isinstance(given, kind) for given, kind in arguments):
        got = ", ".join(type(given).__name__ for given, _ in arguments)
        raise TypeError(f"wanted {wanted}, got ({got}); give the arguments in that order")


def names_of_shared(state: Mapping[str, Tensor]) -> dict[str, str]:
    """Names of tensors that are another one of the state, with that one's name."""
    first: dict[tuple[int, torch.Size, torch.dtype], str] = {}
    shared = {}
    for name, tensor in state.items():
        key = (tensor.data_ptr(), tensor.shape, tensor.dtype)
        if tensor.numel() and first.setdefault(key, name) != name:
            shared[name] = first[key]
    return shared


def read_configuration(folder: str | Path) -> dict[str, Any]:
    """The `quantization.json` of a folder; ValueError where there is none or it can't be read."""
    path = Path(folder) / CONFIGURATION
    if not path.parent.is_dir():
        raise ValueError(
            f"{folder}: wanted the folder of a quantized model, got no folder of that name; check the path"
        )
    if not path.is_file():
        raise ValueError(
            f"{folder}: wanted the folder of a quantized model, got one without {CONFIGURATION}; make one with "
            f"`quantization convert SOURCE --to int8 --out DIR`"
        )
    try:
        content = read_object(path)
        layers, shared = dict(content["layers"]), dict(content["shared"])
        texts = [content["sha256"], *layers.values(), *shared.values()]
        if odd := [text for text in texts if not isinstance(text, str)]:
            raise TypeError(f"{odd[0]!r} instead of a text")
        version = content["format"]
        if type(version) is not int or version < 1:
            raise TypeError(f"{version!r} instead of the number of a format")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: wanted format, layers, shared and sha256 in JSON, got {error!r}; copy it again"
        ) from None
    if version != FORMAT:
        raise ValueError(f"{path}: wanted format {FORMAT}, got {version}; read it with a newer version")
    return content


def scheme_of(layer: QuantizedLinear | QuantizedConvolution) -> str:
    """The scheme of a layer, as `scheme` reads it."""
    return str(Scheme(layer.scheme, layer.group_size if isinstance(layer, QuantizedLinear) else None))


def empty_layer(model: nn.Module, name: str, how: Scheme, zero: bool) -> nn.Module:
    """The quantized layer of that name without any memory for its buffers."""
    try:
        layer = model.get_submodule(name)
    except AttributeError:
        raise ValueError(
            f"layer {name}: wanted it in the model, got none; load into the model it was made of"
        ) from None
    if isinstance(layer, QuantizedLinear | QuantizedConvolution):  # a second name of the same module
        return layer
    if not is_quantizable(layer):
        raise ValueError(f"layer {name}: wanted one to quantize, got {type(layer).__name__}; is it another model's?")
    if isinstance(layer, CONVOLUTIONS):
        return QuantizedConvolution.like(layer, how)
    rows, columns = weight_of(layer).shape
    if isinstance(layer, nn.Linear):
        return QuantizedLinear(columns, rows, how, bias=layer.bias is not None, zero=zero, device="meta")
    return QuantizedEmbedding(columns, rows, how, zero=zero, factor=getattr(layer, "scale", 1.0), device="meta")


def check_tensors(path: Path, wanted: Mapping[str, Tensor], got: Mapping[str, Tensor]) -> None:
    """ValueError listing all that is missing, unexpected, or of another shape or dtype."""
    problems = [f"missing {name}" for name in wanted if name not in got]
    problems += [f"unexpected {name}" for name in got if name not in wanted]
    for name in wanted.keys() & got.keys():
        ours, theirs = wanted[name], got[name]
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            problems.append(f"{name} is {theirs.dtype} {list(theirs.shape)} instead of {ours.dtype} {list(ours.shape)}")
    if problems:
        raise ValueError(
            f"{path}: wanted the {len(wanted)} tensors of this model, got {len(problems)} that differ: "
            f"{'; '.join(sorted(problems))}; do {CONFIGURATION} and the weights belong together?"
        )
