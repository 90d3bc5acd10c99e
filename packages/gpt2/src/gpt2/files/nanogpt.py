"""nanoGPT's `ckpt.pt`, read without running anything that may be hidden in it.

Layout: karpathy/nanoGPT `train.py` (`checkpoint`) and `model.py`; matrices lie as in `torch.nn.Linear`, GELU is the
exact one, and with `bias=False` neither projections nor norms have a bias. A missing bias is a bias of zero, exactly.
"""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..config import GPT2Config
from .names import check_layers, from_published, published_names, published_shape

_COMPILED = "_orig_mod."


def read_nanogpt(path: Path) -> tuple[GPT2Config, dict[str, Tensor]]:
    """Configuration and weights, under our names, of a nanoGPT checkpoint.

    Raises ValueError for a file that is no such checkpoint, or whose pickle asks for more than tensors and numbers.
    """
    content = _read(path)
    given, tensors = content.get("model_args"), content.get("model")
    if not isinstance(given, dict) or not isinstance(tensors, dict):
        raise ValueError(
            f"{path}: wanted a nanoGPT checkpoint with model_args and model, got the keys {sorted(map(str, content))}; "
            f"save other models as a Hugging Face folder first"
        )
    config = _configuration(given, path)
    if odd := [name for name in tensors if not isinstance(name, str)]:
        raise ValueError(f"{path}: wanted tensors under names in model, got the key {odd[0]!r}; copy it again")
    tensors = {name.removeprefix(_COMPILED): tensor for name, tensor in tensors.items()}
    if wrong := [name for name, tensor in tensors.items() if not isinstance(tensor, Tensor)]:
        raise ValueError(f"{path}: wanted tensors in model, got something else under {wrong[0]!r}; copy it again")
    check_layers({n: t for n, t in tensors.items() if not n.endswith(".attn.bias")}, config.n_layer)
    if not given.get("bias", True):
        tensors |= _zero_biases(tensors, config)
    c = config
    return c, from_published(tensors, c.n_layer, c.n_embd, c.n_vocab, c.n_ctx, as_linear=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"{path}: wanted a checkpoint of tensors and numbers, got a pickle that asks to load or run something else "
            f"({reason}); nothing of it was run. Ask whoever made it for safetensors"
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError) as error:
        raise ValueError(
            f"{path}: wanted a file of torch.save, got {type(error).__name__}: {error}; copy it again"
        ) from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: wanted a nanoGPT checkpoint, got a {type(content).__name__}; is it another file?")
    return content


def _configuration(given: dict[str, Any], path: Path) -> GPT2Config:
    names = {
        "n_vocab": "vocab_size",
        "n_ctx": "block_size",
        "n_embd": "n_embd",
        "n_head": "n_head",
        "n_layer": "n_layer",
    }
    if missing := [theirs for theirs in names.values() if theirs not in given]:
        raise ValueError(f"{path}: wanted model_args of a nanoGPT, got them without {', '.join(missing)}")
    shape = {ours: given[theirs] for ours, theirs in names.items()}
    return GPT2Config(**shape, dropout=float(given.get("dropout", 0.0)), activation="gelu")


def _zero_biases(tensors: dict[str, Tensor], config: GPT2Config) -> dict[str, Tensor]:
    """Zeros for every bias of a checkpoint that was made without; one that has some of them is left to be refused."""
    biases = {theirs for theirs, _ in published_names(config.n_layer).values() if theirs.endswith(".bias")}
    if any(name.removeprefix("transformer.") in biases for name in tensors):
        return {}
    c = config
    return {name: torch.zeros(1).expand(published_shape(name, c.n_embd, c.n_vocab, c.n_ctx)) for name in biases}
