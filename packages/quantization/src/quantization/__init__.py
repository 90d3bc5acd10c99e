"""The same model in a quarter of the bytes, with what it costs measured.

Names are loaded on first use (PEP 562), so that `quantization --help` answers without importing torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .calibration import Calibration, calibrate, calibrate_on_text
    from .conversion import quantize
    from .convolution import QuantizedConvolution
    from .divergence import Divergence, divergences
    from .equalisation import equalise
    from .gpt2_files import load, save
    from .layer_costs import LayerCost, sensitivity
    from .layers import QuantizedEmbedding, QuantizedLinear
    from .mixed_precision import Plan, precision_path, within_bytes, within_loss
    from .module_tree import left_in_float
    from .pictures import plot_clipping, plot_report, plot_rounding
    from .reference import WholeNumbers, whole_numbers
    from .report import CostReport, cost_report
    from .schemes import Scheme, scheme
    from .sizes import bytes_of
    from .small_cache import with_small_cache
    from .weight_files import load_weights, save_weights

__all__ = [  # noqa: RUF022  in reading order
    "whole_numbers",
    "WholeNumbers",
    "Scheme",
    "scheme",
    "quantize",
    "left_in_float",
    "Calibration",
    "calibrate",
    "calibrate_on_text",
    "equalise",
    "bytes_of",
    "Divergence",
    "divergences",
    "LayerCost",
    "sensitivity",
    "Plan",
    "precision_path",
    "within_bytes",
    "within_loss",
    "CostReport",
    "cost_report",
    "plot_report",
    "plot_rounding",
    "plot_clipping",
    "save",
    "load",
    "save_weights",
    "load_weights",
    "with_small_cache",
    "QuantizedLinear",
    "QuantizedEmbedding",
    "QuantizedConvolution",
]

_NAMES = {
    "reference": ["whole_numbers", "WholeNumbers"],
    "schemes": ["Scheme", "scheme"],
    "conversion": ["quantize"],
    "module_tree": ["left_in_float"],
    "calibration": ["Calibration", "calibrate", "calibrate_on_text"],
    "equalisation": ["equalise"],
    "sizes": ["bytes_of"],
    "divergence": ["Divergence", "divergences"],
    "layer_costs": ["LayerCost", "sensitivity"],
    "mixed_precision": ["Plan", "precision_path", "within_bytes", "within_loss"],
    "report": ["CostReport", "cost_report"],
    "pictures": ["plot_report", "plot_rounding", "plot_clipping"],
    "gpt2_files": ["save", "load"],
    "weight_files": ["save_weights", "load_weights"],
    "small_cache": ["with_small_cache"],
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
