"""A progress bar, or plain lines where nobody could see a bar move."""

import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from ..loop import Step
from ..processes.ranks import is_first_rank

logger = logging.getLogger(__name__)

BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}] {postfix}"
"""Without tqdm's steps a second: at 80 columns there is room for the caller's words instead."""
EVERY = 10.0
"""Seconds between plain lines."""


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
    # A terminal that reports no width could not show a bar.
    if sys.stderr is not None and sys.stderr.isatty() and shutil.get_terminal_size((0, 0)).columns > 0:
        return _bar(steps, total, start, unit, describe)
    return _lines(steps, total, start, unit, describe)


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
    items, began, shown = 0.0, time.perf_counter(), -EVERY
    for step in steps:
        items += step.items
        elapsed = time.perf_counter() - began
        if elapsed - shown >= EVERY or step.number == total:
            shown = elapsed
            left = elapsed / max(1, step.number - start) * (total - step.number)
            text = _text(step, items / max(elapsed, 1e-9), unit, describe)
            sys.stderr.write(f"step {step.number}/{total}  {text}  {left:.0f} s left\n")
            sys.stderr.flush()
        yield step


def _text(step: Step, speed: float, unit: str, describe: Callable[[], str] | None) -> str:
    said = describe() if describe else ""
    words = (f"loss {step.loss:.4f}", said, f"{speed:,.0f} {unit}/s", f"rate {step.learning_rate:.2e}")
    return "  ".join(word for word in words if word)
