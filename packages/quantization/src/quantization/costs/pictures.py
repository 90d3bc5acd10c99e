"""Pictures of what quantization does: to a whole model, to its layers, to one layer's weights.

Each call returns a matplotlib figure; ImportError without the extra `plots`.
"""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from workbench import require

from ..reference import whole_numbers
from .report import CostReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_report(report: CostReport) -> "Figure":
    """Left: bytes against perplexity, a point a scheme. Right: every layer's own divergence by the worst scheme."""
    base, (left, right) = report.rows[0], _axes(2, width=12)
    colors = {row.name: f"C{number - 1}" if number else "black" for number, row in enumerate(report.rows)}
    for row in report.rows:
        change = 100 * (row.perplexity / base.perplexity - 1)
        left.plot(row.n_bytes / 1e6, change, "o", label=row.name, color=colors[row.name], alpha=0.8)
    left.axhline(0, color="gray", linewidth=0.5)
    left.set(
        xlabel="megabytes",
        ylabel="change of perplexity, %",
        title="What a scheme costs",
        xlim=(0, 1.25 * base.n_bytes / 1e6),
    )
    left.margins(x=0.2, y=0.15)
    left.legend(loc="best")
    named = [row for row in report.rows if row.worst]
    if named:
        layers = sorted({cost.layer for row in named for cost in row.worst}, reverse=True, key=_in_order)
        for row in named:
            nats = {cost.layer: max(cost.divergence.nats, 1e-8) for cost in row.worst}
            right.plot(
                [nats.get(name, 1e-8) for name in layers], range(len(layers)), "o", color=colors[row.name], alpha=0.8
            )
        right.set_yticks(range(len(layers)), layers, fontsize=7)
        right.set(xscale="log", xlabel="nats a token, that layer alone", title="Which layers suffer")
    return left.figure


def plot_rounding(weight: Float[Tensor, "out in"], name: str = "weights") -> "Figure":
    """Left: the weights and the steps of four bits. Right: error against bits, by what shares a scale."""
    left, right = _axes(2, width=11)
    flat = weight.detach().flatten()
    left.hist(flat.numpy(), bins=200, log=True, color="tab:blue")
    scale = float(flat.abs().max()) / 7
    for step in range(-7, 8):
        left.axvline(step * scale, color="tab:red", linewidth=0.5)
    left.set(xlabel="weight", ylabel="how many", title=f"{name}: outliers set the steps (four bits)")
    bits = range(2, 9)
    for group in ("tensor", "channel", 128, 32):
        errors = [_error(weight.detach(), bit, group) for bit in bits]
        right.plot(list(bits), errors, "o-", label=group if isinstance(group, str) else f"groups of {group}")
    right.set(yscale="log", xlabel="bits", ylabel="error, relative to the weights", title="Error against bits")
    right.legend(loc="best", title="a scale for each")
    return left.figure


def plot_clipping(weight: Float[Tensor, "out in"], name: str = "weights") -> "Figure":
    """Error against the share of the range that is kept, for some bits."""
    (axes,) = _axes(1, width=6)
    clips = torch.linspace(0.2, 1, 33).tolist()
    for bits in (3, 4, 6, 8):
        errors = [_error(weight.detach(), bits, "tensor", clip) for clip in clips]
        best = min(range(len(clips)), key=errors.__getitem__)
        (line,) = axes.plot(clips, errors, label=f"{bits} bits")
        axes.plot(clips[best], errors[best], "v", color=line.get_color())
    axes.set(yscale="log", xlabel="share of the range kept", ylabel="relative error", title=f"{name}: clipping")
    axes.legend(loc="best")
    return axes.figure


def _error(weight: Tensor, bits: int, group: int | str, clip: float = 1.0) -> float:
    lost = whole_numbers(weight, bits, group=group, clip=clip).restored() - weight
    return float(lost.square().mean().sqrt() / weight.square().mean().sqrt())


def _axes(count: int, width: int):  # type: ignore[no-untyped-def]
    figure = require("matplotlib.figure", "quantization", "plots").Figure(figsize=(width, 4.5), layout="constrained")
    require("matplotlib.backends.backend_agg", "quantization", "plots").FigureCanvasAgg(figure)
    return [figure.add_subplot(1, count, number + 1) for number in range(count)]


def _in_order(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]
