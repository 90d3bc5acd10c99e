"""How fast a model decodes at every precision on this machine, beside what its memory allows."""

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from decoding import GenerationSettings, generate_ids
from gpt2 import GPT2
from tensors import move_to_huge_pages
from transformer.kernels.native import SWITCH
from workbench import Progress, Whole, require, unwatched

from ..conversion import quantize
from ..module_tree import bytes_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AS_IT_IS = "float32, torch"
SCHEMES = ("float32", "bfloat16", "int8-weight-only", "int8", "int4")


@dataclass(frozen=True)
class Speed:
    """Greedy decoding of `rows` texts at once."""

    name: str
    rows: int
    n_bytes: int
    """Of the model."""
    tokens_per_second: float
    """Of all rows together: the median of the turns."""
    limit: float
    """Tokens a second if reading the weights once a step were all the work."""


def memory_bandwidth(megabytes: int = 512, turns: int = 7) -> float:
    """Bytes a second that all threads together read from memory, in huge pages where there are any: the median of some
    sums over a large array."""
    holder = torch.nn.Module()
    holder.numbers = torch.nn.Buffer(torch.ones(megabytes * 1_000_000 // 4))
    move_to_huge_pages(holder)
    numbers = holder.numbers
    seconds = []
    for _ in range(turns + 1):
        began = time.perf_counter()
        numbers.sum()
        seconds.append(time.perf_counter() - began)
    return numbers.nbytes / statistics.median(seconds[1:])


def benchmark(
    model: GPT2,
    schemes: Sequence[str] = SCHEMES,
    *,
    rows: Sequence[int] = (1, 8),
    new_tokens: int = 32,
    turns: int = 5,
    progress: Progress = unwatched,
) -> list[Speed]:
    """Tokens a second of the model as it is and by every scheme; in every turn each of them once.

    Each row starts from one token, so that no prompt is counted, and gets `new_tokens` (cut to what the context holds).
    All weights lie in huge pages, as where many tokens are written.
    """
    named = {AS_IT_IS: model} | {name: quantize(model, name) for name in schemes}
    for one in named.values():
        move_to_huge_pages(one)
    bandwidth, new_tokens = memory_bandwidth(), min(new_tokens, model.n_ctx - 1)
    found, whole = [], Whole(len(rows) * (turns + 1) * len(named), progress)
    for count in rows:
        seconds: dict[str, list[float]] = {name: [] for name in named}
        for _ in range(turns + 1):  # the first one warms up
            for name, one in named.items():
                with by_torch() if name == AS_IT_IS else nullcontext():
                    seconds[name].append(seconds_of(one, count, new_tokens))
                whole(1, 1)
        for name, one in named.items():
            rate = count * new_tokens / statistics.median(seconds[name][1:])
            n_bytes = bytes_of(one)
            found.append(Speed(name, count, n_bytes, rate, count * bandwidth / n_bytes))
    return found


@contextmanager
def by_torch() -> Iterator[None]:
    """Inside, torch computes everything: float32 models are decoded by the kernels too, where that is faster."""
    chosen = os.environ.get(SWITCH)
    os.environ[SWITCH] = "torch"
    try:
        yield
    finally:
        if chosen is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = chosen


def seconds_of(model: GPT2, rows: int, new_tokens: int) -> float:
    prompts = [[(7 * row) % model.n_vocab] for row in range(rows)]
    settings = GenerationSettings(temperature=0, max_new_tokens=new_tokens)
    began = time.perf_counter()
    generate_ids(model, prompts, settings)
    return time.perf_counter() - began


def table(speeds: Sequence[Speed]) -> str:
    """Markdown: a line a precision, for every number of rows its tokens a second, the ratio to the model as it is, and
    the share of what memory allows."""
    counts = sorted({speed.rows for speed in speeds})
    columns = [f"{n} row{'s' * (n > 1)}: tokens/s | x torch | of the limit" for n in counts]
    lines = ["| | MB | " + " | ".join(columns) + " |", "|---" * (2 + 3 * len(counts)) + "|"]
    base = {speed.rows: speed.tokens_per_second for speed in speeds if speed.name == AS_IT_IS}
    for name in dict.fromkeys(speed.name for speed in speeds):
        own = {speed.rows: speed for speed in speeds if speed.name == name}
        cells = [
            f"{own[n].tokens_per_second:.0f} | {own[n].tokens_per_second / base[n]:.1f} | "
            f"{own[n].tokens_per_second / own[n].limit:.0%}"
            for n in counts
        ]
        megabytes = own[counts[0]].n_bytes / 1e6
        lines.append(f"| {name} | {megabytes:.{int(megabytes < 100)}f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot_speeds(speeds: Sequence[Speed]) -> "Figure":
    """Bars of tokens a second, a group a number of rows, with a mark where memory sets the limit. ImportError without
    the extra `plots`."""
    figure = require("matplotlib.figure", "quantization", "plots").Figure(figsize=(9, 4.5), layout="constrained")
    require("matplotlib.backends.backend_agg", "quantization", "plots").FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    counts, names = sorted({speed.rows for speed in speeds}), list(dict.fromkeys(speed.name for speed in speeds))
    for number, count in enumerate(counts):
        own = [next(s for s in speeds if (s.name, s.rows) == (name, count)) for name in names]
        places = [place + (number - (len(counts) - 1) / 2) * 0.8 / len(counts) for place in range(len(names))]
        axes.bar(places, [s.tokens_per_second for s in own], 0.8 / len(counts), label=f"{count} at once")
        for place, speed in zip(places, own, strict=True):  # at the foot, where no mark is
            axes.text(
                place, 0.02, f"{speed.tokens_per_second:.0f}", transform=axes.get_xaxis_transform(), ha="center",
                color="white", weight="bold", fontsize=8,
            )  # fmt: skip
        axes.plot(places, [s.limit for s in own], "_", markersize=18, color="black")
    axes.plot([], [], "_", markersize=12, color="black", label="if reading the weights were all the work")
    axes.set_xticks(range(len(names)), names)
    lowest = min(speed.tokens_per_second for speed in speeds)
    axes.set(
        ylabel="tokens a second (logarithmic)",
        yscale="log",
        ylim=(lowest / 2, None),
        title=f"Greedy decoding, {torch.get_num_threads()} threads",
    )
    axes.legend(loc="best")
    return figure
