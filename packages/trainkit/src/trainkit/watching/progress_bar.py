"""A progress bar, or plain lines where nobody could see a bar move. Neither can fail for want of a reader."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from workbench import PlainLines, Unfailing, watched

from ..loop import Step
from ..processes.ranks import is_first_rank

HEADS = (
    "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]  ",
    "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {remaining} left  ",
    "|{bar}| {n_fmt}/{total_fmt} {remaining}  ",
)
CELLS = 8
"""A bar shorter than this shows nothing."""


def progress(
    steps: Iterable[Step],
    *,
    total: int,
    start: int = 0,
    unit: str = "items",
    describe: Callable[[], str] | None = None,
) -> Iterator[Step]:
    """Pass the steps through; show loss, learning rate, items per second and the time left on stderr.

    `describe()` adds a few words of the caller's, such as the last validation loss. A narrow terminal gets fewer words,
    each of them whole. Without a terminal a plain line comes at the first step, every ten seconds and at the end. Of
    several processes the first shows it. Log messages go above the bar. What stderr cannot take is lost.
    """
    if not is_first_rank():
        return iter(steps)
    return (_bar if watched() else _lines)(steps, total, start, unit, describe)


def _bar(
    steps: Iterable[Step], total: int, start: int, unit: str, describe: Callable[[], str] | None
) -> Iterator[Step]:
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    class Fitting(tqdm):
        """Chooses its words each time it is drawn."""

        texts: Callable[[], Sequence[str]] | None = None

        def __str__(self) -> str:
            facts = self.format_dict
            return fitting(facts, self.texts() if self.texts else [""], tqdm.format_meter)

    items, began = 0.0, time.perf_counter()
    stderr: Any = Unfailing("stderr")
    with logging_redirect_tqdm(), Fitting(total=total, initial=start, dynamic_ncols=True, file=stderr) as bar:
        for step in steps:
            items += step.items
            bar.texts = partial(_texts, step, items / (time.perf_counter() - began), unit, describe)
            bar.update()
            yield step


def fitting(facts: dict[str, Any], texts: Sequence[str], draw: Callable[..., str]) -> str:
    """The bar with the first of `texts`, the richest first, that leaves it `CELLS` cells: beside the longest head that
    it fits with. facts: tqdm's, `ncols` among them; draw: tqdm's `format_meter`."""
    columns = facts["ncols"] or 80
    forms = [f"{head}{_plain(text)}" for text in texts for head in HEADS]
    wanted = next((form for form in forms if _length(facts, form, draw) + CELLS < columns), HEADS[-1].rstrip())
    return draw(
        **{**facts, "bar_format": wanted, "ncols": max(1, columns - 1)}
    )  # the last column makes some terminals wrap


def _length(facts: dict[str, Any], form: str, draw: Callable[..., str]) -> int:
    return len(draw(**{**facts, "bar_format": form.replace("{bar}", ""), "ncols": None}))


def _plain(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _lines(
    steps: Iterable[Step], total: int, start: int, unit: str, describe: Callable[[], str] | None
) -> Iterator[Step]:
    items, lines = 0.0, PlainLines(total, start, at_ends=True)
    for step in steps:
        items += step.items
        speed = items / max(lines.elapsed, 1e-9)
        lines.tell(step.number, partial(_line, step, total, speed, unit, describe))
        yield step


def _line(step: Step, total: int, speed: float, unit: str, describe: Callable[[], str] | None, left: float) -> str:
    return f"step {step.number}/{total}  {_texts(step, speed, unit, describe)[0]}  {left:.0f} s left"


def _texts(step: Step, speed: float, unit: str, describe: Callable[[], str] | None) -> list[str]:
    """The same with ever fewer words: the speed goes first, then the learning rate, then the caller's, then all."""
    said, loss, rate = describe() if describe else "", f"loss {step.loss:.4f}", f"rate {step.learning_rate:.2e}"
    words = (
        (loss, said, f"{speed:,.0f} {unit}/s", rate),
        (loss, said, f"{_short(speed)}/s", rate),
        (loss, said, rate),
        (loss, said),
        (loss,),
        (),
    )
    return ["  ".join(word for word in some if word) for some in words]


def _short(speed: float) -> str:
    """Three digits: 950, 12.3k, 1.05M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if speed >= size:
            return f"{speed / size:.3g}{letter}"
    return f"{speed:.0f}"
