"""What a tensor is, and how gradients come to be: everyday operations, randomness, and a small autodiff engine.

Names are loaded on first use (PEP 562), so that `import tensors` costs nothing and torch is imported when it is needed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .allocator import keep_freed_memory
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
    from .processors import onednn_is_faster, onednn_is_there, processor_has
    from .products import FastProducts, fast_linear, fast_products
    from .ragged import gather_rows, length_mask, pad_rows, unpad_rows
    from .randomness import fork_random, generator, random_state, seed_all, set_random_state
    from .reshapes import merge_axes, one_hot, split_axis
    from .threads import spin_briefly

__all__ = [  # noqa: RUF022  in reading order
    "Value",
    "softmax_cross_entropy",
    "Drawing",
    "draw",
    "GradientCheck",
    "gradient_check",
    "Broadcast",
    "explain_broadcast",
    "load_penguins",
    "initial_parameters",
    "train_by_hand",
    "train_by_engine",
    "train_by_torch",
    "pad_rows",
    "unpad_rows",
    "length_mask",
    "gather_rows",
    "masked_mean",
    "masked_softmax",
    "log_sum_exp",
    "log_softmax",
    "split_axis",
    "merge_axes",
    "one_hot",
    "generator",
    "seed_all",
    "random_state",
    "set_random_state",
    "fork_random",
    "choose_device",
    "keep_freed_memory",
    "fast_linear",
    "FastProducts",
    "fast_products",
    "onednn_is_faster",
    "onednn_is_there",
    "processor_has",
    "spin_briefly",
]

_MODULE = {
    "Value": "autodiff",
    "softmax_cross_entropy": "cross_entropy",
    **dict.fromkeys(("Drawing", "draw"), "drawing"),
    **dict.fromkeys(("GradientCheck", "gradient_check"), "finite_differences"),
    **dict.fromkeys(("Broadcast", "explain_broadcast"), "broadcasting"),
    **dict.fromkeys(("load_penguins", "initial_parameters"), "penguin_data"),
    "train_by_hand": "network_by_hand",
    "train_by_engine": "network_by_engine",
    "train_by_torch": "network_by_torch",
    **dict.fromkeys(("pad_rows", "unpad_rows", "length_mask", "gather_rows"), "ragged"),
    **dict.fromkeys(("masked_mean", "masked_softmax", "log_sum_exp", "log_softmax"), "masked"),
    **dict.fromkeys(("split_axis", "merge_axes", "one_hot"), "reshapes"),
    **dict.fromkeys(("generator", "seed_all", "random_state", "set_random_state", "fork_random"), "randomness"),
    "choose_device": "devices",
    **dict.fromkeys(("fast_linear", "FastProducts", "fast_products"), "products"),
    **dict.fromkeys(("onednn_is_faster", "onednn_is_there", "processor_has"), "processors"),
    "keep_freed_memory": "allocator",
    "spin_briefly": "threads",
}


def __getattr__(name: str) -> Any:
    """Import the module that holds `name` and keep what it gives, so that this runs once per name."""
    if name == "contract":  # a module, so that `tensors.contract.check` needs no second import
        return import_module(".contract", __name__)
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
