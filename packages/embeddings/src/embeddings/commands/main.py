"""The command `embeddings`: pictures and neighbours of a model's vectors, or of any others.

Nothing here imports torch until there is work for it, nor the extra `plots` without saying what to install.
"""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..extras import require

if TYPE_CHECKING:
    from ..words.vectors import WordVectors
    from .settings import CompareSettings, NearestSettings, PlotSettings

BAD_INPUT, INTERRUPTED = 2, 130
SPACE = "␣"
PICTURES = (".png", ".svg", ".pdf")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 2 for bad input or a missing extra, 130 after Ctrl-C."""
    # Threads that spin while they wait stall each other on a busy machine; must be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        settings, work = parsed(arguments)
        return work(settings)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ValueError, OSError, ImportError) as error:
        print(f"embeddings: {error}", file=sys.stderr)
        return BAD_INPUT


def parsed(arguments: Sequence[str] | None) -> tuple[Any, Callable[[Any], int]]:
    """The settings that were typed, and the function that does what they say."""
    tyro = require("tyro")
    from .settings import CompareSettings, NearestSettings, PlotSettings

    work: dict[type, Callable[[Any], int]] = {
        PlotSettings: plot_command,
        CompareSettings: compare_command,
        NearestSettings: nearest_command,
    }
    settings = tyro.extras.subcommand_cli_from_dict(
        {"plot": PlotSettings, "nearest": NearestSettings, "compare": CompareSettings},
        prog="embeddings",
        description="Pictures and neighbours of vectors: a model's, or those of a file.",
        args=arguments,
    )
    return settings, work[type(settings)]


def plot_command(settings: "PlotSettings") -> int:
    """`embeddings plot`: one picture, and how much of the structure it keeps."""
    require_picture(settings.out)
    given, groups = chosen(settings)
    from ..pictures.figures import plot
    from ..pictures.projections import project

    show_progress()
    projection = project(given.vectors, settings.method, seed=settings.seed, neighbours=settings.neighbours)
    labels = [shown(word) for word in given.words]
    save(lambda: plot(projection, labels, groups, theme=settings.theme), settings.out)
    print(f"{len(given.words):,} vectors of width {given.vectors.shape[1]}, {projection}\nPicture: {settings.out}")
    print_next(f"compare {settings.source} --out {settings.out.with_stem(settings.out.stem + '-compared')}")
    return 0


def compare_command(settings: "CompareSettings") -> int:
    """`embeddings compare`: three pictures in one."""
    require_picture(settings.out)
    given, groups = chosen(settings)
    from ..pictures.figures import compare

    show_progress()
    labels = [shown(word) for word in given.words]
    figure = save(
        lambda: compare(given.vectors, labels, groups, seed=settings.seed, theme=settings.theme), settings.out
    )
    print("\n".join(axes.get_title() for axes in figure.axes) + f"\nPicture: {settings.out}")
    if settings.table == "tokens":
        print_next(f"nearest {settings.source} '{shown(given.words[len(given.words) // 2])}'")
    return 0


def nearest_command(settings: "NearestSettings") -> int:
    """`embeddings nearest`: a line for each neighbour, similarity and word."""
    from .sources import read_source

    given = read_source(settings.source)
    for word in settings.words:
        neighbours = given.nearest(word.replace(SPACE, " "), settings.k)  # an unknown word says nothing but its error
        print(f"{shown(word)}")
        for neighbour, similarity in neighbours:
            print(f"  {similarity:.3f}  {shown(neighbour)}")
    print_next(f"plot {settings.source} --method tsne --out picture.png")
    return 0


def chosen(settings: "PlotSettings | CompareSettings") -> "tuple[WordVectors, list[str] | None]":
    """The vectors to draw, and the groups of those that a file of words names."""
    from ..words.vectors import WordVectors
    from .sources import read_source, read_words

    given = read_source(settings.source, settings.table)
    if settings.words is None:
        if settings.first < 3:
            raise ValueError(f"wanted --first of at least 3; got {settings.first}; fewer points are no picture")
        return WordVectors(given.words[: settings.first], given.vectors[: settings.first]), None
    words, groups = read_words(settings.words)
    return WordVectors(words, given.vectors[[given.row(word.replace(SPACE, " ")) for word in words]]), groups


def require_picture(path: Path) -> None:
    """ValueError, before any work is done, for a path that no picture can go to."""
    if path.suffix not in PICTURES or not path.parent.is_dir():
        raise ValueError(
            f"wanted --out with one of the endings {', '.join(PICTURES)}, in a folder that exists; got {path}; "
            "name another file or make the folder"
        )


def save(draw: Callable[[], Any], path: Path) -> Any:
    """Draw and save a figure; characters that matplotlib's font lacks are counted instead of warned of one by one."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure = draw()
        figure.savefig(path, dpi=150)
    if lacking := {str(warning.message) for warning in caught if "Glyph" in str(warning.message)}:
        print(f"{len(lacking)} characters are not in matplotlib's font and drawn as boxes", file=sys.stderr)
    return figure


def show_progress() -> None:
    """What t-SNE and UMAP report goes to standard error where somebody watches; in a file it would be noise."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    watched = sys.stderr.isatty()
    logging.getLogger("embeddings.pictures.projections").setLevel(logging.INFO if watched else logging.WARNING)


def shown(word: str) -> str:
    """A word on one line, its spaces at the ends visible."""
    stripped = word.strip(" ")
    before = len(word) - len(word.lstrip(" "))
    after = len(word) - before - len(stripped)
    text = SPACE * before + stripped + SPACE * after
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def print_next(command: str) -> None:
    """The command to try next, as it is typed in the workspace or, installed elsewhere, bare."""
    in_workspace = Path("uv.lock").is_file() and Path("packages", "embeddings").is_dir()
    print(f"\nNext:\n  {'uv run --package embeddings ' * in_workspace}embeddings {command}")
