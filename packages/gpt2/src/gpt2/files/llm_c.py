"""llm.c's `.bin` checkpoints: a header of 256 numbers, then every tensor of one kind for all layers, kind by kind.

Layout: karpathy/llm.c `train_gpt2.py` (`write_model`, `write_tensors`) and `train_gpt2.c`. Version 3 is float32,
version 5 bfloat16; the vocabulary is padded to a multiple of 128, and the padding is cut off here.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..config import GPT2Config
from .names import from_published, published_shape

MAGIC = 20240326
_HEADER = 256
_DTYPES = {3: torch.float32, 5: torch.bfloat16}
_KINDS = ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")


def read_llm_c(path: Path) -> tuple[GPT2Config, dict[str, Tensor]]:
    """Configuration and weights, under our names, of an llm.c checkpoint; ValueError where the file is none."""
    header = np.fromfile(path, dtype="<i4", count=_HEADER)
    if len(header) < _HEADER or header[0] != MAGIC:
        raise ValueError(f"{path}: wanted an llm.c checkpoint (magic {MAGIC}), got {header[:1]}; copy it again")
    version, n_ctx, n_vocab, n_layer, n_head, n_embd, padded = header[1:8].tolist()
    if version not in _DTYPES:
        raise ValueError(
            f"{path}: wanted llm.c's version 3 (float32) or 5 (bfloat16), got {version}; write it again with llm.c"
        )
    config = GPT2Config(n_vocab=n_vocab, n_ctx=n_ctx, n_embd=n_embd, n_head=n_head, n_layer=n_layer)
    if padded < n_vocab:
        raise ValueError(f"{path}: wanted a padded vocabulary of at least {n_vocab} ids, got {padded}; copy it again")
    _check_size(path, _DTYPES[version], config.n_parameters + (padded - n_vocab) * n_embd)
    tensors = _cut(path, _DTYPES[version], _order(config, padded))
    tensors["wte.weight"] = tensors["wte.weight"][:n_vocab]
    return config, from_published(tensors, n_layer, n_embd, n_vocab, n_ctx, as_linear=True)


def _check_size(path: Path, dtype: torch.dtype, wanted: int) -> None:
    got = (path.stat().st_size - 4 * _HEADER) / dtype.itemsize
    if got != wanted:
        raise ValueError(f"{path}: wanted {wanted:,} weights after the header, got {got:,.1f}; copy it again")


def _order(config: GPT2Config, padded: int) -> list[tuple[str, tuple[int, ...]]]:
    kinds = [f"{kind}.{part}" for kind in _KINDS for part in ("weight", "bias")]
    layers = [f"h.{layer}.{kind}" for kind in kinds for layer in range(config.n_layer)]
    names = ["wte.weight", "wpe.weight", *layers, "ln_f.weight", "ln_f.bias"]
    shapes = [published_shape(name, config.n_embd, padded, config.n_ctx) for name in names]
    linear = [shape[::-1] if ".c_" in name else shape for name, shape in zip(names, shapes, strict=True)]
    return list(zip(names, linear, strict=True))


def _cut(path: Path, dtype: torch.dtype, order: list[tuple[str, tuple[int, ...]]]) -> dict[str, Tensor]:
    numbers = torch.from_file(str(path), size=path.stat().st_size // dtype.itemsize, dtype=dtype)
    tensors, start = {}, 4 * _HEADER // dtype.itemsize
    for name, shape in order:
        size = int(np.prod(shape))
        tensors[name] = numbers[start : start + size].view(shape)
        start += size
    return tensors
