"""`interpretability page`: a model, or a run with its checkpoints, as one HTML file that opens anywhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from workbench import shown, tell_next


@dataclass(frozen=True)
class Page:
    """Write one HTML file that shows live what goes on inside a model: type, and see it think.

    It holds the whole model, needs no network, and opens from a disk or a USB stick.
    """

    source: Positional[Annotated[str, arg(metavar="RUN_OR_MODEL")]]
    """A run folder, a model folder, a checkpoint file of nanoGPT or llm.c, or a name on the hub."""
    out: Annotated[Path, arg(metavar="FILE")] = Path("page.html")
    """The file to write; one of that name is replaced."""
    checkpoints: Annotated[str | None, arg(metavar="all|N", help_behavior_hint="(default: at most 10)")] = None
    """States on the way to put in, for a slider over the run: all, or so many, evenly in the logarithm of the step; 0
    for none. `train --save-every N --keep 20` leaves them."""
    int8: FlagCreatePairsOff[bool] = False
    """Weights in 8 bits instead of 16: half the size, and nearly always the same tokens."""
    text: Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="(default: of the run's held-out text)")] = None
    """What the page shows before anybody types."""


def run(command: Page) -> None:
    """Write the page and say what is in it. ValueError for what makes no sense, as `write_page`."""
    wanted = wanted_checkpoints(command.checkpoints)
    if command.out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out: wanted a file .html, got {command.out}; browsers open it by that name")
    if command.out.is_dir():
        raise ValueError(f"--out: wanted a file, got the folder {command.out}; name a file in it")
    from ..page.write import USUAL, write_page

    with shown("interpretability", "page") as progress:
        page = write_page(
            command.source,
            command.out,
            checkpoints=USUAL if command.checkpoints is None else wanted,
            required=command.checkpoints not in (None, "0"),
            int8=command.int8,
            text=command.text,
            progress=progress,
        )
    steps = f", checkpoints of steps {', '.join(map(str, page.steps))}" if page.steps else ""
    print(f"{page.path}: {page.n_bytes / 1e6:.2f} MB, one file{steps}\nOpen it in any browser; no network is needed.")
    tell_next("interpretability", ["interpretability", "--help"], "what is behind it, in numbers:")


def wanted_checkpoints(typed: str | None) -> int | None:
    """How many, None for all; ValueError for what is no number."""
    if typed is None or typed == "all":
        return None
    if not typed.isdecimal() or not typed.isascii():
        raise ValueError(f"--checkpoints: wanted all, or a whole number, got {typed!r}; 10 make a smooth slider")
    return int(typed)
