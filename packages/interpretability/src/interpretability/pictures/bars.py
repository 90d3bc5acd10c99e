"""Attributions and ablations as bars, a matplotlib Figure each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench import drawable, require

if TYPE_CHECKING:
    from ..interventions.effects import Effect

MORE, LESS, CHANCE = "#2b6cb0", "#c05621", "#a0aec0"


def draw_bars(rows: "Sequence[tuple[str, float]]", title: str, axis: str) -> Any:
    """A Figure with a bar for each name and value, the first one on top; negative ones in the other color."""
    figure, axes = _figure(len(rows), title, axis)
    values = [value for _, value in rows]
    axes.barh(range(len(rows)), values, color=[MORE if value >= 0 else LESS for value in values])
    _name(axes, [name for name, _ in rows])
    return figure


def draw_effects(effects: "Sequence[Effect]", title: str) -> Any:
    """A Figure with each part's effect and its interval; gray where it is no more than chance, all parts considered."""
    figure, axes = _figure(len(effects), title, "nats a token without it")
    for place, effect in enumerate(effects):
        value, low, high = effect.nats.value, effect.nats.low, effect.nats.high
        color = CHANCE if not effect.is_real else MORE if value >= 0 else LESS
        axes.barh(place, value, color=color)
        if low is not None and high is not None:
            axes.plot([low, high], [place, place], color="#1a202c", linewidth=1.2)
    _name(axes, [effect.part for effect in effects])
    return figure


def _figure(bars: int, title: str, axis: str) -> tuple[Any, Any]:
    figures = require("matplotlib.figure", "interpretability", "plots")
    figure = figures.Figure(figsize=(7.0, 1.2 + 0.24 * bars), layout="constrained", dpi=150)
    axes = figure.add_subplot()
    axes.set_title(drawable(title), fontsize="medium", loc="left")
    axes.set_xlabel(axis)
    axes.axvline(0.0, color="#1a202c", linewidth=0.8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _name(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [drawable(name) for name in names], fontsize="small")
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
