"""Masks and attention maps as matplotlib figures; each call returns one, to show or to save."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from workbench import drawable, require, shown_token

from ..masks.algebra import Mask
from .recording import rollout

COLORS = "Blues"  # white is nothing, so that what a head looks at stands out on paper and on a screen
MOST_LABELS = 40  # tokens, above which their names would cover each other


def plot_mask(mask: Mask, queries: int, keys: int | None = None, *, row: int = 0, tokens: Sequence[str] = ()) -> Any:
    """A Figure of who may look at whom: a line a query, a column a key, dark where it may. `tokens` are the keys'
    names, which the queries share. ValueError for another number of names than keys."""
    keys = queries if keys is None else keys
    batch = row + 1 if mask.n_rows is None else mask.n_rows
    seen = mask.dense(batch, queries, keys).expand(batch, 1, queries, keys)[row, 0].float()
    figure = new_figure(1 + keys / 4, 1 + queries / 4)
    axes = draw(figure.add_subplot(), seen, tokens[:queries], tokens, 1.0)
    axes.set_title(fill(str(mask), 8 + 3 * keys), fontsize="medium")
    if max(queries, keys) <= MOST_LABELS:
        axes.set_xticks([k - 0.5 for k in range(1, keys)], minor=True)
        axes.set_yticks([q - 0.5 for q in range(1, queries)], minor=True)
        axes.grid(which="minor", color="#bbbbbb", linewidth=0.5)
        axes.tick_params(which="minor", length=0)
    return figure


def plot_map(
    weights: Tensor, tokens: Sequence[str] = (), *, source: Sequence[str] | None = None, title: str = ""
) -> Any:
    """A Figure of one map [T, S]: of a head, of heads averaged, or of a rollout. `tokens` name the queries, and the
    keys too unless `source` does. ValueError for another number of names than queries or keys, and for other shapes."""
    if weights.ndim != 2:
        cure = "give it to plot_heads" if weights.ndim == 4 else "choose a head, as in maps[0, 3]"
        raise ValueError(f"wanted one map, [T, S]; got shape {list(weights.shape)}; {cure}")
    figure = new_figure(6.0, 5.0)
    axes = draw(figure.add_subplot(), weights, tokens, tokens if source is None else source)
    axes.set_title(title)
    figure.colorbar(axes.images[0], ax=axes, label="share")
    return figure


def plot_heads(
    weights: Tensor,
    tokens: Sequence[str] = (),
    *,
    row: int = 0,
    source: Sequence[str] | None = None,
    title: str = "",
) -> Any:
    """A Figure of every head of one layer, [B, H, T, S], for one row, and of their average. Names as in `plot_map`.
    ValueError for weights of another shape."""
    if weights.ndim != 4:
        cure = "give it to plot_map" if weights.ndim == 2 else "pass all rows, and choose one with row="
        raise ValueError(f"wanted the maps of one layer, [B, H, T, S]; got shape {list(weights.shape)}; {cure}")
    heads = {f"head {h}": head for h, head in enumerate(weights[row])} | {"average": weights[row].mean(dim=0)}
    return panels(heads, tokens, tokens if source is None else source, title)


def plot_layers(maps: Any, tokens: Sequence[str] = (), *, row: int = 0) -> Any:
    """A Figure of every layer [B, H, T, T] for one row, heads averaged, and of the rollout through all of them: `maps`
    by the layers' names, as `record_maps` leaves them. ValueError without maps."""
    if not isinstance(maps, Mapping):
        raise TypeError(
            f"wanted maps by the names of their layers; got a {type(maps).__name__}; pass what record_maps leaves, or "
            "one layer to plot_heads"
        )
    reached = rollout([weights[row : row + 1] for weights in maps.values()])[0]
    layers = {name or "layer": weights[row].mean(dim=0) for name, weights in maps.items()} | {"rollout": reached}
    return panels(layers, tokens, tokens, "")


def plot_scores(scores: Mapping[str, Float[Tensor, " H"]], title: str = "") -> Any:
    """A Figure of one number a head: a line a layer, a column a head, the number in its field. `scores` by the layers'
    names, such as `{name: head_scores(weights).previous for name, weights in maps.items()}`."""
    n_head = [len(values) for values in scores.values()]
    if not n_head or min(n_head) != max(n_head):
        raise ValueError(
            f"wanted one number a head, of layers with as many heads; got {n_head} numbers; "
            "pass {layer's name: scores [H]}"
        )
    numbers = torch.stack([values.detach().float().cpu() for values in scores.values()])
    figure = new_figure(2 + 0.6 * n_head[0], 1.2 + 0.4 * len(n_head))
    axes = draw(figure.add_subplot(), numbers, list(scores), [str(head) for head in range(n_head[0])])
    axes.set(title=title, xlabel="head", ylabel="")
    axes.tick_params(axis="x", rotation=0)
    middle = float(numbers.max()) / 2
    for line, values in enumerate(numbers.tolist()):
        for head, value in enumerate(values):
            ink = "white" if value > middle else "black"
            axes.text(head, line, f"{value:.2f}", ha="center", va="center", fontsize="small", color=ink)
    return figure


def panels(parts: Mapping[str, Tensor], queries: Sequence[str], keys: Sequence[str], title: str) -> Any:
    """Maps side by side, at most four in a line, under one scale."""
    lines = -(-len(parts) // 4)
    columns = -(-len(parts) // lines)
    side = 3.2 if max(len(queries), len(keys)) > MOST_LABELS else max(3.2, 1 + 0.16 * len(keys))
    figure = new_figure(side * columns, side * lines)
    highest = max(float(weights.detach().max()) for weights in parts.values())
    every = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, (name, weights) in zip(every, parts.items(), strict=False):
        draw(axes, weights, queries, keys, highest).set_title(name, fontsize="medium")
    for axes in every[len(parts) :]:
        axes.set_axis_off()
    figure.suptitle(title)
    figure.colorbar(every[0].images[0], ax=every, label="share")
    return figure


def new_figure(width: float, height: float) -> Any:
    """A Figure of its own: not pyplot's, so that nothing is kept, shown or restyled elsewhere."""
    figure = require("matplotlib.figure", "attention", "plots").Figure(figsize=(width, height), layout="constrained")
    require("matplotlib.backends.backend_agg", "attention", "plots").FigureCanvasAgg(figure)
    return figure


def draw(
    axes: Any, numbers: Float[Tensor, "T S"], queries: Sequence[str], keys: Sequence[str], highest: float | None = None
) -> Any:
    """`numbers` as an image on `axes`, dark at `highest` (None: the largest), with the names of lines and columns where
    there are any."""
    numbers = numbers.detach().float().cpu()
    for what, names, count in (("queries", queries, len(numbers)), ("keys", keys, len(numbers[0]))):
        if names and len(names) != count:
            raise ValueError(f"wanted names for {count} {what}; got {len(names)}; pass one a token, in their order")
    axes.imshow(numbers.tolist(), cmap=COLORS, vmin=0.0, vmax=highest, aspect="auto", interpolation="nearest")
    axes.set(xlabel="looks at", ylabel="token")
    shown = {"fontsize": "small"}
    if 0 < len(keys) <= MOST_LABELS:
        axes.set_xticks(range(len(keys)), named(keys), rotation=90, **shown)
    if 0 < len(queries) <= MOST_LABELS:
        axes.set_yticks(range(len(queries)), named(queries), **shown)
    return axes


def named(tokens: Sequence[str]) -> list[str]:
    """Tokens as matplotlib writes them: spaces and line ends as marks, and `$` starts no formula."""
    return [drawable(shown_token(token)) for token in tokens]
