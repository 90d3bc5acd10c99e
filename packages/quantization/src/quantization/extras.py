"""What the pictures need beyond the base install, imported when it is used."""

from importlib import import_module
from pathlib import Path
from typing import Any

ENDINGS = (".png", ".svg", ".pdf")


def require(module: str) -> Any:
    """The module, or an ImportError that says which extra brings it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"wanted {module} for pictures, but it cannot be imported ({error}); install the extra: quantization[plots]"
        ) from error


def check_picture(path: Path | None) -> None:
    """Before any work is done: ImportError without matplotlib, ValueError for a path that no picture can go to."""
    if path is None:
        return
    require("matplotlib")
    if path.suffix not in ENDINGS or not path.parent.is_dir():
        raise ValueError(
            f"--out: wanted a file with one of the endings {', '.join(ENDINGS)}, in a folder that exists, got {path}; "
            "name another, or make the folder"
        )
