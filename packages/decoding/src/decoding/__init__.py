"""From logits to text, and from text to scores.

Names are loaded on first use (PEP 562), so that `decoding --help` answers without importing torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .loop import Batch, generate_ids
    from .protocols import Cache, LanguageModel, Tokenizer
    from .rows import Generated, Row
    from .sampling import greedy, sample
    from .settings import GenerationSettings
    from .text import GeneratedText, generate, stream
    from .truncation import temperature, top_k, top_p

__all__ = [  # noqa: RUF022  in reading order
    "LanguageModel",
    "Cache",
    "Tokenizer",
    "GenerationSettings",
    "greedy",
    "sample",
    "temperature",
    "top_k",
    "top_p",
    "Generated",
    "Row",
    "Batch",
    "generate_ids",
    "GeneratedText",
    "generate",
    "stream",
]

_MODULE = {
    **dict.fromkeys(("LanguageModel", "Cache", "Tokenizer"), "protocols"),
    "GenerationSettings": "settings",
    **dict.fromkeys(("greedy", "sample"), "sampling"),
    **dict.fromkeys(("temperature", "top_k", "top_p"), "truncation"),
    **dict.fromkeys(("Generated", "Row"), "rows"),
    **dict.fromkeys(("Batch", "generate_ids"), "loop"),
    **dict.fromkeys(("GeneratedText", "generate", "stream"), "text"),
}


def __getattr__(name: str) -> Any:
    """Import the module that holds `name` and keep what it gives, so that this runs once per name."""
    if name == "contract":  # a module, so that `decoding.contract.check` needs no second import
        return import_module(".contract", __name__)
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
