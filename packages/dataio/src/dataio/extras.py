"""Libraries that only images need are imported where they are used."""

from importlib import import_module
from typing import Any


def require(module: str) -> Any:
    """Import a library of the extra `images`; ImportError says how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"wanted {module} for images, but it is not installed; install the extra: dataio[images]"
        ) from error
