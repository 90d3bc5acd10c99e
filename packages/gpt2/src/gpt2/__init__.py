"""GPT-2: the model, its tokenizer, its files, its training."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import PUBLISHED, GPT2Config
    from .files import empty_model, save
    from .head_loss import head_cross_entropy
    from .inner_states import Inside, look_inside
    from .loading import load
    from .longer_context import extend_context
    from .model import GPT2, initialise
    from .recipes import RECIPES, Recipe, recipe
    from .settings import TrainSettings
    from .tokenizer import Tokenizer
    from .training import Run, run
    from .verification import verify

_HOMES = {
    "GPT2Config": "config",
    "PUBLISHED": "config",
    "GPT2": "model",
    "initialise": "model",
    "head_cross_entropy": "head_loss",
    "look_inside": "inner_states",
    "Inside": "inner_states",
    "extend_context": "longer_context",
    "Tokenizer": "tokenizer",
    "load": "loading",
    "save": "files",
    "empty_model": "files",
    "Recipe": "recipes",
    "RECIPES": "recipes",
    "recipe": "recipes",
    "TrainSettings": "settings",
    "Run": "training",
    "run": "training",
    "verify": "verification",
}

__all__ = [
    "GPT2",
    "PUBLISHED",
    "RECIPES",
    "GPT2Config",
    "Inside",
    "Recipe",
    "Run",
    "Tokenizer",
    "TrainSettings",
    "empty_model",
    "extend_context",
    "head_cross_entropy",
    "initialise",
    "load",
    "look_inside",
    "recipe",
    "run",
    "save",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for (PEP 562): the commands answer before torch is loaded."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
