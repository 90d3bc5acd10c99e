"""A finished run to look at: how it learned, what it confuses, and where it was most sure and wrong."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench import parse_object

from ..image_data import ImageData
from ..judging import Judgement

SHOWN = 24
"""Mistakes in the picture at most."""


def draw_pictures(folder: Path, judgement: Judgement, data: ImageData) -> None:
    """Write curves.png, confusion.png and mistakes.png into FOLDER/pictures."""
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    draw_curves(folder / "metrics.jsonl").savefig(pictures / "curves.png")
    draw_confusion(judgement, data.classes).savefig(pictures / "confusion.png")
    draw_mistakes(judgement, data).savefig(pictures / "mistakes.png")


def draw_curves(metrics: Path) -> Any:
    """Loss, validation accuracy and learning rate over the steps that `metrics` (metrics.jsonl) holds."""
    lines = logged_lines(metrics)
    figure = _figure(9.0, 3.6)
    losses, accuracies, rates = figure.subplots(1, 3)
    _plot(losses, lines, "loss", label="training (augmented)", linewidth=0.8)
    _plot(losses, lines, "validation_loss", label="validation")
    losses.set(yscale="log", title="Cross-entropy, nats")
    losses.legend()
    _plot(accuracies, lines, "validation_accuracy", color="C1")
    accuracies.set(title="Validation accuracy")
    accuracies.yaxis.set_major_formatter("{x:.1%}")
    _plot(rates, lines, "learning_rate", color="C2")
    rates.set(title="Learning rate")
    for axes in (losses, accuracies, rates):
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
    return figure


def draw_confusion(judgement: Judgement, classes: tuple[str, ...]) -> Any:
    """Rows: what it was; columns: the answer. Color shows mistakes only: the diagonal would drown them."""
    counts = judgement.confusion
    wrong = counts.clone().fill_diagonal_(0)
    side = max(4.0, 0.45 * len(classes) + 1.5)
    figure = _figure(side, side)
    axes = figure.subplots()
    axes.imshow(wrong.numpy(), cmap="Oranges", vmin=0, vmax=max(1, int(wrong.max())))
    for row, column in counts.nonzero().tolist():
        weight = "bold" if row == column else "normal"
        axes.text(column, row, int(counts[row, column]), ha="center", va="center", fontsize=8, weight=weight)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    low, high = judgement.interval
    right = f"{judgement.n_correct:,} of {len(judgement.labels):,} right"
    axes.set(xlabel="answer", ylabel="what it was")
    axes.set_title(f"{right}: {judgement.accuracy:.2%} ({low:.2%} to {high:.2%})", fontsize=9)
    return figure


def draw_mistakes(judgement: Judgement, data: ImageData) -> Any:
    """The images with the most confident wrong answers, the most confident first."""
    shown = judgement.mistakes[:SHOWN].tolist()
    columns = min(8, max(4, len(shown)))
    rows = max(1, -(-len(shown) // columns))
    figure = _figure(1.2 * columns, 0.5 + 1.5 * rows)
    found = len(judgement.mistakes)
    figure.suptitle(f"{len(shown)} of {found} mistakes, the most confident first" if found else "No mistakes")
    axes = figure.subplots()  # one for all: drawing 24 of them takes longer than the epochs of a short run
    axes.axis("off")
    for place, number in enumerate(shown):
        row, column = divmod(place, columns)
        label, answer = int(judgement.labels[number]), int(judgement.answers[number])
        image = data.test.arrays[0][number, 0].numpy()
        box = (column + 0.1, column + 0.9, row + 0.97, row + 0.33)
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=box, aspect="auto")
        sure = float(judgement.probabilities[number, answer])
        words = f"{data.classes[label]} read as {data.classes[answer]}\n{sure:.0%} sure"
        axes.text(column + 0.5, row + 0.3, words, fontsize=8, ha="center", va="bottom")
    axes.set(xlim=(0, columns), ylim=(rows, 0), aspect=1.25)  # a cell is a square image below two lines of words
    return figure


def logged_lines(metrics: Path) -> list[dict[str, Any]]:
    """The lines of a log; none of a log that is gone, and what is no line of one is left out: no picture ends a run."""
    lines = []
    for line in metrics.read_bytes().split(b"\n") if metrics.is_file() else []:
        with suppress(ValueError):
            lines.append(parse_object(line, str(metrics)))
    return [line for line in lines if "step" in line]


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure  # without pyplot: no window, nothing global

    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def _plot(axes: Any, lines: list[dict[str, Any]], name: str, **style: Any) -> None:
    points = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
    if points:
        axes.plot(*zip(*points, strict=True), **style)
