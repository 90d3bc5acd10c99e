"""A model as one file in GGUF, the format of llama.cpp and of all that is built on it.

llama.cpp's own converter looks up the hash of a probe text to find out how a tokenizer cuts text, and so refuses each
tokenizer that somebody trained. Here the tokenizer is known to cut as GPT-2 does, and the file says so.
The library `gguf` (of the llama.cpp project) writes the format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gpt2 import GPT2, Tokenizer
from gpt2.tokenizer.bpe import halves
from gpt2.tokenizer.pattern import PATTERN
from workbench import require, spell, whole_file

KINDS = {"float32": ("F32", "ALL_F32"), "float16": ("F16", "MOSTLY_F16"), "q8_0": ("Q8_0", "MOSTLY_Q8_0")}
"""Kinds of weights: the type of the matrices' tensors, and of the file, as GGUF spells them."""
NAMES = (
    ("token_embedding", "token_embd"),
    ("position_embedding", "position_embd"),
    ("decoder.blocks.#.attention_norm", "blk.#.attn_norm"),
    ("decoder.blocks.#.attention.qkv", "blk.#.attn_qkv"),
    ("decoder.blocks.#.attention.out", "blk.#.attn_output"),
    ("decoder.blocks.#.feed_forward_norm", "blk.#.ffn_norm"),
    ("decoder.blocks.#.feed_forward.up", "blk.#.ffn_up"),
    ("decoder.blocks.#.feed_forward.down", "blk.#.ffn_down"),
    ("final_norm", "output_norm"),
)
"""Our names of tensors and GGUF's, without `.weight` and `.bias`; both keep a matrix [out, in]."""
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
"""Types of tokens: of merges, special, always found in texts, standing for nothing."""


def write_gguf(path: Path, model: GPT2, tokenizer: Tokenizer, weights: str = "float32") -> None:
    """Write model and tokenizer into one file, whole or not at all; needs the extra `gguf`.

    weights: "float32"; "float16"; or "q8_0", 8 bits and a shared scale for 32 weights of a row. Norms, biases and
    positions are float32 in all of them.
    Raises ValueError for what the format or llama.cpp cannot express: another activation or pattern than GPT-2's, more
    than two ids that end a text, rows that do not come out even in blocks of 32, numbers too large for float16.
    """
    gguf = require("gguf", "serving", "gguf")
    check_expressible(model, tokenizer, weights)
    kind, file_type = KINDS[weights]
    with whole_file(path) as aside:
        writer = gguf.GGUFWriter(str(aside), "gpt2")
        writer.add_file_type(gguf.LlamaFileType[file_type])
        add_shape(writer, model)
        add_tokenizer(writer, model, tokenizer)
        for name, parameter in model.named_parameters():
            values = parameter.detach().to("cpu", torch.float32).numpy()
            small = values.ndim == 2 and name != "position_embedding.weight"
            how = gguf.GGMLQuantizationType[kind if small else "F32"]
            writer.add_tensor(gguf_name(name), stored(gguf, name, values, how), raw_dtype=how)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def check_expressible(model: GPT2, tokenizer: Tokenizer, weights: str) -> None:
    """ValueError for what llama.cpp would compute, or cut, differently."""
    config = model.config
    if config.activation != "gelu_tanh":
        raise ValueError(
            f"activation: wanted gelu_tanh, which alone llama.cpp's GPT-2 has, got {config.activation}; "
            f"hand the model to ctranslate2 instead"
        )
    if tokenizer.pattern != PATTERN:
        raise ValueError(
            f"tokenizer: wanted GPT-2's pattern, by which llama.cpp cuts text, got {tokenizer.pattern!r}; "
            f"hand the model to vllm instead"
        )
    if weights == "q8_0" and config.n_embd % 32:
        raise ValueError(
            f"weights: wanted a width in whole blocks of 32 for q8_0, got n_embd {config.n_embd}; take float16"
        )
    if len(ends := config.end_ids or ()) > 2:
        raise ValueError(
            f"end_ids: wanted at most two ids that end a text, which GGUF has names for, got {len(ends)}; "
            f"hand the model to vllm instead"
        )


def gguf_name(ours: str) -> str:
    """GGUF's name of one of our parameters: `decoder.blocks.3.attention.qkv.bias` is `blk.3.attn_qkv.bias`."""
    module, kind = ours.rsplit(".", 1)
    layer = next((part for part in module.split(".") if part.isdigit()), "")
    theirs = dict(NAMES)[module.replace(f".{layer}.", ".#.") if layer else module]
    return f"{theirs.replace('#', layer)}.{kind}"


def stored(gguf: Any, name: str, values: np.ndarray, how: Any) -> np.ndarray:
    """A tensor as its bytes in the file."""
    limit = {"F16": np.finfo(np.float16).max, "Q8_0": 127 * float(np.finfo(np.float16).max)}.get(how.name, np.inf)
    if not np.abs(values).max() <= limit:
        raise ValueError(f"{name}: wanted weights of at most {limit:,.0f}, got larger ones or NaN; take float32")
    return np.ascontiguousarray(gguf.quants.quantize(values, how))


def add_shape(writer: Any, model: GPT2) -> None:
    config = model.config
    writer.add_context_length(config.n_ctx)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(4 * config.n_embd)
    writer.add_block_count(config.n_layer)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)


def add_tokenizer(writer: Any, model: GPT2, tokenizer: Tokenizer) -> None:
    """Tokens in the order of their ids, merges, and which ids end a text. Rows of the model beyond the tokenizer's ids
    get names that no text has."""
    names, kinds = tokens_of(model, tokenizer)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(names)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges_of(tokenizer))
    ends = tuple(model.config.end_ids or (tokenizer.end_of_text,))
    writer.add_bos_token_id(tokenizer.end_of_text)
    writer.add_eos_token_id(ends[0])
    if len(ends) > 1:
        writer.add_eot_token_id(ends[1])
    writer.add_add_bos_token(False)


def tokens_of(model: GPT2, tokenizer: Tokenizer) -> tuple[list[str], list[int]]:
    """Names and types of all ids that the model knows; bytes are spelled as in GPT-2's `vocab.json`."""
    names = [spell(token) for token in sorted(tokenizer.ranks, key=tokenizer.ranks.__getitem__)]
    kinds = [NORMAL] * len(names)
    for name in tokenizer.special_ids:
        names.append(name)
        kinds.append(USER_DEFINED if name in tokenizer.always else CONTROL)
    missing = range(len(names), model.n_vocab)
    return names + [f"<|unused {id}|>" for id in missing], kinds + [UNUSED] * len(missing)


def merges_of(tokenizer: Tokenizer) -> list[str]:
    """The merges in their order, each as the two tokens that it joins."""
    return [f"{spell(left)} {spell(right)}" for left, right in halves(tokenizer.ranks)]
