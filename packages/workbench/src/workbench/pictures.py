"""Whether a picture can go where it should, asked before the work that it shows."""

from pathlib import Path

from .imports.extras import require

ENDINGS = (".png", ".svg", ".pdf")


def check_picture(path: Path | None, package: str, *, option: str = "--out", extra: str = "plots") -> None:
    """ImportError without matplotlib, which `package[extra]` brings; ValueError for a path that no picture can go to.

    None is no picture, and always fine. option: as the path was typed.
    """
    if path is None:
        return
    require("matplotlib", package, extra)
    if path.suffix not in ENDINGS or not path.parent.is_dir():
        raise ValueError(
            f"{option}: wanted a file with one of the endings {', '.join(ENDINGS)}, in a folder that exists, got "
            f"{path}; name another, or make the folder"
        )
