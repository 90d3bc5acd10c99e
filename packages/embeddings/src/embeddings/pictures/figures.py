"""Projections, positions and similarities as matplotlib figures; each call returns one, to show or to save."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench import drawable, require, shorten

from ..measures import require_finite
from .choices import INK, METHODS, Theme
from .label_placement import set_labels
from .projections import Projection, project

# Okabe and Ito 2008: eight colors that people with any color vision tell apart; black is left to the text.
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999", "#f0e442")
LABELS = 40  # lines of seven points that fit beside a similarity map


def plot(
    projection: Projection,
    labels: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    *,
    theme: Theme = "light",
    size: tuple[float, float] = (8.0, 6.0),
) -> Any:
    """A matplotlib Figure of the points, colored by group, with what the projection kept as its title.

    Labels are set in order, each beside its point where it covers no earlier label and the fewest points, and left out
    where there is no room: put the important points first. ValueError for another number of labels or groups than
    points.
    """
    figure = new_figure(size, theme)
    scatter(figure, figure.add_subplot(), projection, labels, groups, theme)
    return figure


def compare(
    vectors: Float[Tensor, "N C"],
    labels: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    *,
    seed: int = 0,
    theme: Theme = "light",
) -> Any:
    """PCA, t-SNE and UMAP of the same vectors side by side, as one Figure; errors as in `project` and `plot`."""
    figure = new_figure((18.0, 6.0), theme)
    for axes, method in zip(figure.subplots(1, len(METHODS)), METHODS, strict=True):
        scatter(figure, axes, project(vectors, method, seed=seed), labels, groups, theme)
    return figure


def heat_map(
    vectors: Float[Tensor, "T C"], *, wavelengths: Float[Tensor, " R"] | None = None, theme: Theme = "light"
) -> Any:
    """A Figure of position vectors, a row each; `wavelengths` of the pairs of channels go to a second axis."""
    require_finite(vectors, "vectors")
    figure = new_figure((8.0, 6.0), theme)
    axes = figure.add_subplot()
    bound = float(vectors.detach().abs().max())
    image = axes.imshow(vectors.detach().float().cpu().numpy(), aspect="auto", cmap="RdBu_r", vmin=-bound, vmax=bound)
    axes.set(xlabel="channel", ylabel="position")
    if wavelengths is not None:
        every = max(1, len(wavelengths) // 6)
        top = axes.secondary_xaxis("top")
        top.set_xticks(np.arange(0, len(wavelengths), every) * vectors.shape[1] / len(wavelengths))
        top.set_xticklabels([f"{value:,.0f}" for value in wavelengths[::every].tolist()])
        top.set_xlabel("wavelength in positions")
        paint(top, theme)
    return with_scale(figure, axes, image, theme)


def similarity_map(
    vectors: Float[Tensor, "N C"], labels: Sequence[str] | None = None, *, theme: Theme = "light"
) -> Any:
    """A Figure of the cosine similarity of every vector with every other, -1 to 1.

    Labels longer than 24 characters are cut, and of more than 40 every second, third, ... is shown.
    """
    require_finite(vectors, "vectors")
    require_length("labels", labels, len(vectors))
    directions = torch.nn.functional.normalize(vectors.detach().float().cpu(), dim=-1)
    figure = new_figure((7.0, 6.0), theme)
    axes = figure.add_subplot()
    image = axes.imshow((directions @ directions.T).numpy(), cmap="RdBu_r", vmin=-1, vmax=1)
    if labels is not None:
        shown = range(0, len(labels), math.ceil(len(labels) / LABELS))
        texts = [drawable(shorten(labels[row], 24)) for row in shown]
        axes.set_xticks(shown, texts, rotation=90, fontsize=7)
        axes.set_yticks(shown, texts, fontsize=7)
    return with_scale(figure, axes, image, theme)


def new_figure(size: tuple[float, float], theme: Theme) -> Any:
    """A Figure of its own: not pyplot's, so that nothing is kept, shown or restyled elsewhere."""
    if theme not in INK:
        raise ValueError(f"wanted a theme of {', '.join(INK)}, got {theme!r}; light is the default")
    figure = require("matplotlib.figure", "embeddings", "plots").Figure(
        figsize=size, facecolor=INK[theme][0], layout="constrained"
    )
    require("matplotlib.backends.backend_agg", "embeddings", "plots").FigureCanvasAgg(figure)
    return figure


def scatter(
    figure: Any,
    axes: Any,
    projection: Projection,
    labels: Sequence[str] | None,
    groups: Sequence[str] | None,
    theme: Theme,
) -> None:
    x, y = projection.coordinates[:, 0], projection.coordinates[:, 1]
    require_length("labels", labels, len(x))
    require_length("groups", groups, len(x))
    names = sorted(set(groups)) if groups is not None else [""]
    for number, name in enumerate(names):
        chosen = [row for row in range(len(x)) if groups is None or groups[row] == name]
        color = COLORS[number % len(COLORS)]
        marker = "os^Dv"[number // len(COLORS) % 5]
        axes.scatter(x[chosen], y[chosen], s=14, color=color, marker=marker, label=drawable(name), linewidths=0)
    axes.set_title(str(projection))
    axes.set(xticks=[], yticks=[])
    paint(axes, theme)
    if groups is not None:
        axes.legend(loc="best", facecolor=INK[theme][0], labelcolor=INK[theme][1], framealpha=0.8)
    if labels is not None:
        set_labels(figure, axes, projection.coordinates, [drawable(label) for label in labels], INK[theme][1])


def with_scale(figure: Any, axes: Any, image: Any, theme: Theme) -> Any:
    paint(axes, theme)
    paint(figure.colorbar(image, ax=axes).ax, theme)
    return figure


def paint(axes: Any, theme: Theme) -> None:
    background, text = INK[theme]
    axes.set_facecolor(background)
    axes.tick_params(colors=text)
    for part in (axes.title, axes.xaxis.label, axes.yaxis.label):
        part.set_color(text)
    for spine in axes.spines.values():
        spine.set_color("#888888")


def require_length(what: str, given: Sequence[str] | None, n: int) -> None:
    if given is not None and len(given) != n:
        raise ValueError(f"wanted {what} for {n} points, got {len(given)}; pass one for each point, in their order")
