"""Numbers over the steps of a run as matplotlib figures; each call returns one, to show or to save."""

from collections.abc import Mapping, Sequence
from typing import Any

from workbench import drawable, require

# Okabe and Ito 2008: colors that people with any color vision tell apart.
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999", "#000000")
MARKERS = "os^DvPX*"


def plot_history(
    steps: Sequence[int],
    measures: Mapping[str, Sequence[float]],
    *,
    title: str = "",
    ylabel: str = "",
    loss: Sequence[float] | None = None,
) -> Any:
    """A Figure of each measure over the steps; `loss`, if given, on an axis of its own at the right. ValueError for a
    measure of another length than the steps."""
    wrong = {name: len(values) for name, values in measures.items() if len(values) != len(steps)}
    if wrong or not steps:
        raise ValueError(f"wanted a number of each measure for each of {len(steps)} steps, got {wrong or 'no steps'}")
    figure = new_figure(7.5, 4.5)
    axes = figure.add_subplot()
    for number, (name, values) in enumerate(measures.items()):
        marker = MARKERS[number % len(MARKERS)]
        axes.plot(steps, values, color=COLORS[number % len(COLORS)], marker=marker, markersize=4, label=drawable(name))
    axes.set(xlabel="step", ylabel=drawable(ylabel), title=drawable(title))
    axes.grid(alpha=0.3)
    if loss is not None:
        right = axes.twinx()
        right.plot(steps, loss, color="#777777", linestyle="--", label="loss")
        right.set_ylabel("loss (nats a token, dashed)")
        right.set_ylim(bottom=0)
    if measures:
        axes.legend(fontsize="small")
    return figure


def plot_bars(names: Sequence[str], series: Mapping[str, Sequence[float]], *, title: str = "", ylabel: str = "") -> Any:
    """A Figure of groups of bars: one group a name, one bar in it a series."""
    figure = new_figure(max(5.0, 1.5 + 0.45 * len(names) * max(1, len(series))), 4.0)
    axes = figure.add_subplot()
    width = 0.8 / max(1, len(series))
    for number, (label, values) in enumerate(series.items()):
        places = [place + (number - (len(series) - 1) / 2) * width for place in range(len(names))]
        axes.bar(places, values, width, color=COLORS[number % len(COLORS)], label=label)
    steep = {"rotation": 60, "ha": "right"} if len(names) > 4 else {}
    axes.set_xticks(range(len(names)), [drawable(name) for name in names], **steep)
    axes.set(title=drawable(title), ylabel=ylabel)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    if len(series) > 1:
        figure.legend(fontsize="small", loc="outside lower center", ncols=len(series), frameon=False)
    return figure


def plot_cells(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    words: Sequence[Sequence[str]],
    *,
    title: str = "",
) -> Any:
    """A Figure of cells, dark where a value from 0 to 1 is high, with a word in each: a line for each of `rows`."""
    figure = new_figure(2 + 0.85 * len(columns), 1.2 + 0.38 * len(rows))
    axes = figure.add_subplot()
    axes.imshow(values, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    safe = [[drawable(word) for word in line] for line in words]
    for line, (numbers, texts) in enumerate(zip(values, safe, strict=True)):
        for place, (value, word) in enumerate(zip(numbers, texts, strict=True)):
            ink = "white" if value > 0.55 else "black"
            axes.text(place, line, word, ha="center", va="center", fontsize="x-small", color=ink)
    axes.set_xticks(range(len(columns)), [drawable(name) for name in columns], rotation=60, ha="right")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_title(drawable(title), fontsize="medium", loc="left")
    return figure


def new_figure(width: float, height: float) -> Any:
    """A Figure of its own: not pyplot's, so that nothing is kept, shown or restyled elsewhere."""
    figure = require("matplotlib.figure", "interpretability", "plots").Figure((width, height), layout="constrained")
    require("matplotlib.backends.backend_agg", "interpretability", "plots").FigureCanvasAgg(figure)
    return figure
