"""Libraries that only images or only data sets of the hub need are imported where they are used."""

from importlib import import_module
from typing import Any


def require(module: str, extra: str = "images") -> Any:
    """Import a library of an extra; ImportError says how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"wanted {module}, but it is not installed; install the extra: dataio[{extra}]") from error
