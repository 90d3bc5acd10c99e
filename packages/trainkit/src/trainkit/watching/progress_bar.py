"""A progress bar, or plain lines where nobody could see a bar move."""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from workbench import PlainLines, watched

from ..loop import Step
from ..processes.ranks import is_first_rank

BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}] {postfix}"
"""Without tqdm's steps a second: at 80 columns there is room for the caller's words instead."""


def progress(
    steps: Iterable[Step],
    *,
    total: int,
    start: int = 0,
    unit: str = "items",
    describe: Callable[[], str] | None = None,
) -> Iterator[Step]:
    """Pass the steps through; show loss, learning rate, items per second and the time left on stderr.

    `describe()` adds a few words of the caller's, such as the last validation loss. Without a terminal a plain line
    comes at the first step, every ten seconds and at the end. Of several processes the first shows it.
    Log messages go above the bar.
    """
    if not is_first_rank():
        return iter(steps)
    return (_bar if watched() else _lines)(steps, total, start, unit, describe)


def _bar(
    steps: Iterable[Step], total: int, start: int, unit: str, describe: Callable[[], str] | None
) -> Iterator[Step]:
    from tqdm.auto import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    items, began = 0.0, time.perf_counter()
    with logging_redirect_tqdm(), tqdm(total=total, initial=start, bar_format=BAR, dynamic_ncols=True) as bar:
        for step in steps:
            items += step.items
            bar.set_postfix_str(_text(step, items / (time.perf_counter() - began), unit, describe), refresh=False)
            bar.update()
            yield step


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
    return f"step {step.number}/{total}  {_text(step, speed, unit, describe)}  {left:.0f} s left"


def _text(step: Step, speed: float, unit: str, describe: Callable[[], str] | None) -> str:
    said = describe() if describe else ""
    words = (f"loss {step.loss:.4f}", said, f"{speed:,.0f} {unit}/s", f"rate {step.learning_rate:.2e}")
    return "  ".join(word for word in words if word)
