"""A GGUF file opened again: is it the model that was written?"""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gpt2 import GPT2, Tokenizer
from workbench import require

from .gguf_file import gguf_name, merges_of, tokens_of
from .probe import CLOSE, Agreement, agreement, logits_of, probe_ids

BITS_LOST = {"F32": 0.0, "F16": 2.0**-11, "Q8_0": 0.5 / 127 + 2.0**-10}
"""The most by which a weight may differ, as a share: of itself for float16 (half a unit of its last place), of the
largest of its block of 32 for q8_0 (half a step, and the scale's own rounding)."""
TINY = 2.0**-24
"""Where float16 has no more digits."""


@dataclass(frozen=True)
class GgufCheck:
    """What was compared."""

    tensors: int
    tokens: int
    largest_error: float
    """Of a weight."""
    agreement: Agreement
    """Of the model with these weights and the one that was written, by our own code."""


def check_gguf(path: Path, model: GPT2, tokenizer: Tokenizer, weights: str = "float32") -> GgufCheck:
    """Read a file back with gguf's own reader and compare it with what it was written from; needs the extra `gguf`.

    Raises ValueError that names the tensor, token or number that is another.
    """
    gguf = require("gguf", "serving", "gguf")
    reader = gguf.GGUFReader(str(path))
    check_tokenizer(path, reader, model, tokenizer)
    again, error = copy.deepcopy(model).to("cpu", torch.float32), 0.0
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    with torch.no_grad():
        for name, parameter in again.named_parameters():
            tensor = tensors.pop(gguf_name(name), None)
            if tensor is None:
                raise ValueError(f"{path}: wanted the tensor {gguf_name(name)}, got a file without; write it again")
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(parameter.shape)
            error = max(error, difference(path, tensor, parameter.numpy(), values))
            parameter.copy_(torch.from_numpy(np.array(values)))
    if tensors:
        raise ValueError(f"{path}: wanted no tensors but the model's, got {', '.join(tensors)}; write it again")
    ids = probe_ids(model, tokenizer)
    found = agreement(logits_of(model, ids), logits_of(again, ids), CLOSE[weights])
    return GgufCheck(len(reader.tensors), model.n_vocab, error, found)


def difference(path: Path, tensor: Any, wanted: np.ndarray, got: np.ndarray) -> float:
    """The largest error of a weight; ValueError where it is more than its kind of number explains."""
    kind = tensor.tensor_type.name
    if kind not in BITS_LOST:
        raise ValueError(f"{path}: wanted {tensor.name} in one of {', '.join(BITS_LOST)}, got {kind}; write it again")
    size = np.abs(wanted)
    if kind == "Q8_0":
        size = np.repeat(size.reshape(-1, 32).max(axis=1), 32).reshape(wanted.shape)
    off = np.abs(wanted - got)
    allowed = BITS_LOST[kind] * size + (TINY if kind != "F32" else 0.0)
    if not (off <= allowed).all():
        raise ValueError(
            f"{path}: wanted the weights of {tensor.name} in {kind}, got some that are off by {off.max():.3g}; "
            f"write it again"
        )
    return float(off.max())


def check_tokenizer(path: Path, reader: Any, model: GPT2, tokenizer: Tokenizer) -> None:
    """ValueError where tokens, their types, merges, shape or ends in the file are not those of model and tokenizer."""
    names, kinds = tokens_of(model, tokenizer)
    ends = tuple(model.config.end_ids or (tokenizer.end_of_text,))
    config = model.config
    wanted: dict[str, object] = {
        "general.architecture": "gpt2",
        "gpt2.context_length": config.n_ctx,
        "gpt2.embedding_length": config.n_embd,
        "gpt2.feed_forward_length": 4 * config.n_embd,
        "gpt2.block_count": config.n_layer,
        "gpt2.attention.head_count": config.n_head,
        "gpt2.attention.layer_norm_epsilon": float(np.float32(config.layer_norm_epsilon)),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": names,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.merges": merges_of(tokenizer),
        "tokenizer.ggml.eos_token_id": ends[0],
    }
    for key, value in wanted.items():
        field = reader.get_field(key)
        got = None if field is None else field.contents()
        if got != value:
            raise ValueError(f"{path}: wanted {key} = {first_other(value, got)}; write it again")


def first_other(wanted: object, got: object) -> str:
    """What differs, in words: of two lists the first place."""
    if isinstance(wanted, list) and isinstance(got, list):
        place = next(
            (n for n, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), min(map(len, (wanted, got)))
        )
        wanted, got = ([*values[place : place + 1], None][0] for values in (wanted, got))
        return f"{wanted!r} at place {place}, got {got!r}"
    return f"{wanted!r}, got {got!r}"
