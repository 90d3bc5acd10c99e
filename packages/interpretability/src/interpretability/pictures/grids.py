"""Patching as a picture: a line for each place, a column for each token."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench import drawable, require

if TYPE_CHECKING:
    from ..circuits.patching import Patching

COLORS = "RdBu"  # blue brings the clean answer back, red drives it away


def draw_patching(result: "Patching", tokens: Sequence[str], title: str) -> Any:
    """A Figure of the share of the clean answer that each place and token brings back: kinds of places side by side,
    first layer on top. ValueError for another number of names than tokens."""
    if len(tokens) != result.patched.shape[1]:
        raise ValueError(f"tokens: wanted {result.patched.shape[1]} names, got {len(tokens)}; name each token once")
    kinds: dict[str, list[int]] = {}
    for row, name in enumerate(result.names):
        kinds.setdefault(_kind(name), []).append(row)
    most = max(len(rows) for rows in kinds.values())
    width = 1.2 + len(kinds) * (1.6 + 0.22 * len(tokens))
    figures = require("matplotlib.figure", "interpretability", "plots")
    figure = figures.Figure(figsize=(width, max(3.2, 2.2 + 0.22 * most)), layout="constrained", dpi=150)
    figure.suptitle(
        drawable(f"{title} ({result.clean:.3g} clean, {result.corrupted:.3g} corrupted)"), fontsize="medium"
    )
    image = None
    for number, (kind, rows) in enumerate(kinds.items(), start=1):
        axes = figure.add_subplot(1, len(kinds), number)
        image = axes.imshow(result.recovered[rows].numpy(), cmap=COLORS, vmin=-1, vmax=1, aspect="auto")
        axes.set_title(kind, fontsize="small")
        axes.set_xticks(range(len(tokens)), [drawable(token) for token in tokens], rotation=90, fontsize="x-small")
        labels = [result.names[row].removesuffix(f".{kind}") for row in rows]
        axes.set_yticks(range(len(rows)), labels, fontsize="x-small")
        if number == 1 and labels[0].isdecimal():
            axes.set_ylabel("layer", fontsize="small")
    figure.supxlabel("the token at which it is put in", fontsize="small")
    figure.colorbar(image, ax=figure.axes, label="share of the clean answer", shrink=0.8)
    return figure


def _kind(name: str) -> str:
    """A place's name without its layer; heads are one kind."""
    first, _, rest = name.partition(".")
    kind = rest if first.isdecimal() else name
    return "head" if kind.startswith("head.") else kind
