"""Libraries that only an extra of a package brings, imported where they are used."""

from importlib import import_module
from typing import Any


def require(module: str, package: str, extra: str) -> Any:
    """The module; ImportError, which says what to install, where it cannot be imported.

    `require("matplotlib.pyplot", "attention", "plots")` asks for the extra `attention[plots]`.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"wanted {module}, but it cannot be imported ({error}); install the extra: {package}[{extra}]"
        ) from error
