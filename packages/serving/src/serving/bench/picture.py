"""The figures of a server, drawn."""

from collections.abc import Sequence
from pathlib import Path

from workbench import require

from .driving import Turn
from .figures import first_texts, gaps


def draw_bench(path: Path, names: Sequence[str], found: Sequence[Sequence[Turn]]) -> None:
    """Three plots side by side: tokens a second in each turn, and how many of all first texts, and of all pauses
    between texts, were over after so many milliseconds. Needs the extra `plots`."""
    figure = require("matplotlib.figure", "serving", "plots").Figure(figsize=(12, 3.6), layout="constrained")
    turns_plot, first_plot, between_plot = figure.subplots(1, 3)
    for name, turns in zip(names, found, strict=True):
        speeds = [turn.tokens_a_second for turn in turns]
        turns_plot.plot(range(1, len(speeds) + 1), speeds, marker="o", label=name)
        for plot, values in ((first_plot, first_texts(turns)), (between_plot, gaps(turns))):
            ordered = sorted(values)
            plot.step(ordered, [100 * (n + 1) / len(ordered) for n in range(len(ordered))], where="post", label=name)
    turns_plot.set(title="Throughput", xlabel="turn", ylabel="tokens a second", ylim=(0, None))
    turns_plot.xaxis.get_major_locator().set_params(integer=True)
    first_plot.set(title="First text", xlabel="milliseconds", ylabel="% of answers that have it", ylim=(0, 101))
    between_plot.set(title="Between texts", xlabel="milliseconds", ylabel="% of pauses that are over", ylim=(0, 101))
    for plot in (first_plot, between_plot):
        plot.set_xscale("log")
    turns_plot.legend(fontsize="small")
    figure.savefig(path)
