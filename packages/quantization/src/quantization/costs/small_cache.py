"""Keys and values of earlier tokens in eight bits: at long contexts and many rows they outgrow the weights."""

import copy
from functools import partial

import torch

from attention import KeyValueCache
from gpt2 import GPT2


def with_small_cache(model: GPT2) -> GPT2:
    """The same model (its layers are shared) whose `new_cache` keeps keys and values in int8.

    A quarter of the memory and a little more, each vector off by 1/254 of its largest number at most (see
    `attention.KeyValueCache`). The blocks then run one by one, on caches that are widened at every step: slower.
    """
    small = copy.copy(model)
    small.new_cache = partial(new_small_cache, model)  # type: ignore[method-assign]
    return small


def new_small_cache(model: GPT2, batch: int, length: int | None = None) -> KeyValueCache:
    """As `GPT2.new_cache`, which checks what it is given."""
    wide = model.new_cache(1, length)
    c = model.config
    size, device = c.n_embd // c.n_head, wide.lengths.device
    return KeyValueCache(c.n_layer, batch, c.n_head, wide.length, size, dtype=torch.int8, device=device)
