"""What the pictures need beyond the base install, imported when it is used."""

from importlib import import_module
from typing import Any


def require(module: str) -> Any:
    """The module, or an ImportError that says which extra brings it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"wanted {module} for pictures, but it cannot be imported ({error}); install the extra: attention[plots]"
        ) from error
