"""The command `embeddings`: pictures and neighbors of a model's vectors, or of any others.

Nothing here imports torch until there is work for it, nor the extra `plots` without saying what to install.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from workbench import answered, check_picture, parsed, shown_token, tell_next, watched

if TYPE_CHECKING:
    from ..words.vectors import WordVectors
    from .settings import CompareSettings, NearestSettings, PlotSettings

PROG = "embeddings"
SPACE = "␣"
DOTS = 150  # per inch


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 2 for bad input or a missing extra, and those of a command that was
    stopped (see `workbench.answered`)."""
    return answered(PROG, lambda: work_of(arguments)(), logs="%(message)s")


def work_of(arguments: Sequence[str] | None) -> Callable[[], int]:
    """What was typed, as work that is still to do."""
    from .settings import CompareSettings, NearestSettings, PlotSettings

    commands = {"plot": PlotSettings, "nearest": NearestSettings, "compare": CompareSettings}
    work: dict[type, Callable[[Any], int]] = {
        PlotSettings: plot_command,
        CompareSettings: compare_command,
        NearestSettings: nearest_command,
    }
    settings = parsed(PROG, "Pictures and neighbors of vectors: a model's, or those of a file.", commands, arguments)
    return lambda: work[type(settings)](settings)


def plot_command(settings: "PlotSettings") -> int:
    """`embeddings plot`: one picture, and how much of the structure it keeps."""
    check_picture(settings.out, PROG)
    given, groups = chosen(settings)
    from ..pictures.figures import plot
    from ..pictures.projections import project

    show_progress()
    projection = project(given.vectors, settings.method, seed=settings.seed, neighbours=settings.neighbours)
    figure = plot(projection, labels_of(given), groups, theme=settings.theme)
    figure.savefig(settings.out, dpi=DOTS)
    print(f"{len(given.words):,} vectors of width {given.vectors.shape[1]}, {projection}\nPicture: {settings.out}")
    compared = settings.out.with_stem(f"{settings.out.stem}-compared")
    tell_next(PROG, [PROG, "compare", settings.source, "--out", str(compared)])
    return 0


def compare_command(settings: "CompareSettings") -> int:
    """`embeddings compare`: three pictures in one."""
    check_picture(settings.out, PROG)
    given, groups = chosen(settings)
    from ..pictures.figures import compare

    show_progress()
    figure = compare(given.vectors, labels_of(given), groups, seed=settings.seed, theme=settings.theme)
    figure.savefig(settings.out, dpi=DOTS)
    print("\n".join(axes.get_title() for axes in figure.axes) + f"\nPicture: {settings.out}")
    if settings.table == "tokens":
        tell_next(PROG, [PROG, "nearest", settings.source, shown(given.words[len(given.words) // 2])])
    return 0


def nearest_command(settings: "NearestSettings") -> int:
    """`embeddings nearest`: a line for each neighbor, similarity and word."""
    from .sources import read_source

    given = read_source(settings.source)
    for word in settings.words:
        neighbors = given.nearest(word.replace(SPACE, " "), settings.k)  # an unknown word says nothing but its error
        print(f"{shown(word)}")
        for neighbor, similarity in neighbors:
            print(f"  {similarity:.3f}  {shown(neighbor)}")
    tell_next(PROG, [PROG, "plot", settings.source, "--method", "tsne", "--out", "picture.png"])
    return 0


def chosen(settings: "PlotSettings | CompareSettings") -> "tuple[WordVectors, list[str] | None]":
    """The vectors to draw, and the groups of those that a file of words names."""
    from ..words.vectors import WordVectors
    from .sources import read_source, read_words

    given = read_source(settings.source, settings.table)
    if settings.words is None:
        if settings.first < 3:
            raise ValueError(f"wanted --first of at least 3, got {settings.first}; fewer points are no picture")
        return WordVectors(given.words[: settings.first], given.vectors[: settings.first]), None
    words, groups = read_words(settings.words)
    return WordVectors(words, given.vectors[[given.row(word.replace(SPACE, " ")) for word in words]]), groups


def labels_of(given: "WordVectors") -> list[str]:
    """The words as a picture shows them."""
    return [shown(word) for word in given.words]


def shown(word: str) -> str:
    """A word on one line, its spaces as they can be typed."""
    return shown_token(word.replace(SPACE, " "), SPACE)


def show_progress() -> None:
    """What t-SNE and UMAP report goes to standard error where somebody watches; in a file it would be noise."""
    logging.getLogger("embeddings.pictures.projections").setLevel(logging.INFO if watched() else logging.WARNING)
