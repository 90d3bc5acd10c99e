"""What a tensor is, and how gradients come to be: everyday operations, randomness, and a small autodiff engine."""

from .devices import choose_device
from .masked import masked_mean
from .ragged import gather_rows, length_mask, pad_rows, unpad_rows
from .randomness import fork_random, generator, random_state, seed_all, set_random_state

__all__ = [
    "choose_device",
    "fork_random",
    "gather_rows",
    "generator",
    "length_mask",
    "masked_mean",
    "pad_rows",
    "random_state",
    "seed_all",
    "set_random_state",
    "unpad_rows",
]
