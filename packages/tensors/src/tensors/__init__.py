"""What a tensor is, and how gradients come to be: everyday operations, randomness, and a small autodiff engine."""

from .autodiff import Value
from .broadcasting import Broadcast, explain_broadcast
from .cross_entropy import softmax_cross_entropy
from .devices import choose_device
from .drawing import Drawing, draw
from .finite_differences import GradientCheck, gradient_check
from .masked import log_softmax, log_sum_exp, masked_mean, masked_softmax
from .network_by_engine import train_by_engine
from .network_by_hand import train_by_hand
from .network_by_torch import train_by_torch
from .penguin_data import initial_parameters, load_penguins
from .ragged import gather_rows, length_mask, pad_rows, unpad_rows
from .randomness import fork_random, generator, random_state, seed_all, set_random_state
from .reshapes import merge_axes, one_hot, split_axis

__all__ = [
    "Broadcast",
    "Drawing",
    "GradientCheck",
    "Value",
    "choose_device",
    "draw",
    "explain_broadcast",
    "fork_random",
    "gather_rows",
    "generator",
    "gradient_check",
    "initial_parameters",
    "length_mask",
    "load_penguins",
    "log_softmax",
    "log_sum_exp",
    "masked_mean",
    "masked_softmax",
    "merge_axes",
    "one_hot",
    "pad_rows",
    "random_state",
    "seed_all",
    "set_random_state",
    "softmax_cross_entropy",
    "split_axis",
    "train_by_engine",
    "train_by_hand",
    "train_by_torch",
    "unpad_rows",
]
