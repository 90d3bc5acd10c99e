"""The same model in a quarter of the bytes, with what it costs measured.

Names are loaded on first use (PEP 562), so that `quantization --help` answers without importing torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conversion import left_in_float, quantize
    from .convolution import QuantizedConvolution
    from .gpt2_files import load, save
    from .layers import QuantizedEmbedding, QuantizedLinear
    from .reference import WholeNumbers, whole_numbers
    from .schemes import Scheme, scheme
    from .weight_files import load_weights, save_weights

__all__ = [  # noqa: RUF022  in reading order
    "whole_numbers",
    "WholeNumbers",
    "Scheme",
    "scheme",
    "quantize",
    "left_in_float",
    "save",
    "load",
    "save_weights",
    "load_weights",
    "QuantizedLinear",
    "QuantizedEmbedding",
    "QuantizedConvolution",
]

_NAMES = {
    "reference": ["whole_numbers", "WholeNumbers"],
    "schemes": ["Scheme", "scheme"],
    "conversion": ["quantize", "left_in_float"],
    "gpt2_files": ["save", "load"],
    "weight_files": ["save_weights", "load_weights"],
    "layers": ["QuantizedLinear", "QuantizedEmbedding"],
    "convolution": ["QuantizedConvolution"],
}
_MODULE = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import the module that holds `name` and keep what it gives, so that this runs once per name."""
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
