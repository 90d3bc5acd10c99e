"""`--checkpoints` of every command: one measure at all checkpoints of a run, as a table, a picture and JSON."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from workbench import counted, many

from .answers import COLUMNS, answer, answer_next, clipped, save_picture, table

if TYPE_CHECKING:
    from gpt2 import GPT2, Tokenizer

DRAWN = 8
"""Lines of a picture that can be told apart."""
NAME = 34
"""Columns for a name."""

Found = Sequence[tuple[int, Mapping[str, float]]]


@runtime_checkable
class Asked(Protocol):
    """What the settings of these commands have in common."""

    @property
    def model(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def json(self) -> bool: ...
    @property
    def out(self) -> Path | None: ...


@dataclass(frozen=True)
class History:
    """What is measured at each checkpoint, and how it is said."""

    measure: "Callable[[GPT2], Mapping[str, float]]"
    """Numbers of a model by their names."""
    title: str
    ylabel: str
    spec: str = "+.4f"
    """How a number is written."""
    top: int | None = None
    """Show so many of the numbers, those that are largest at last; None: all, in their order."""
    beside: tuple[str, ...] = ()
    """Numbers of another kind, which stand below the others, and in no picture."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What JSON says besides."""


def run_history(
    settings: Asked, which: str, prepare: "Callable[[GPT2, Tokenizer], History]", again: Sequence[str]
) -> None:
    """Measure the chosen checkpoints and answer; `again` is the next command.

    prepare: given the last of them, which decides what is looked at: texts, targets, the parts that are shown.
    """
    from ..history.checkpoints import chosen_checkpoints, over_training
    from .inputs import loaded

    chosen = chosen_checkpoints(settings.model, which)
    last, tokenizer = loaded(str(chosen[-1][1]), settings.device)
    history = prepare(last, tokenizer)
    steps = over_training(settings.model, history.measure, which, device=last.final_norm.weight.device)
    found = list(counted(steps, len(chosen), unit="checkpoint"))
    names = [name for name in found[-1][1] if name not in history.beside]
    left = 0
    if history.top is not None:
        names.sort(key=lambda name: -abs(found[-1][1][name]))
        left = max(0, len(names) - history.top)
        names = names[: history.top]
    lines = history_table(history, found, names)
    if left:
        lines.append(f"{many(left, 'other')}: --top shows more, --json all")
    if settings.out is not None:
        from ..pictures.lines import plot_history

        measures = {name: [numbers[name] for _, numbers in found] for name in names[:DRAWN]}
        figure = plot_history([step for step, _ in found], measures, title=history.title, ylabel=history.ylabel)
        lines += save_picture(figure, settings.out)
    facts = {"model": settings.model, **history.facts}
    answer(facts | {"steps": [{"step": step, **numbers} for step, numbers in found]}, lines, settings.json)
    answer_next(again, settings.json)


def history_table(history: History, found: Found, names: Sequence[str]) -> list[str]:
    """A line for each name, a column for each step, as many of them as 80 columns have room for."""
    cells = {name: [_cell(numbers[name], history.spec) for _, numbers in found] for name in (*names, *history.beside)}
    wide = max(len(cell) for row in (*cells.values(), [str(step) for step, _ in found]) for cell in row)
    longest = min(NAME, max(len(name) for name in ("step", *cells)))
    room = max(2, (COLUMNS - longest) // (wide + 2))
    shown = range(len(found))
    if len(found) > room:
        shown_places = {round(place * (len(found) - 1) / (room - 1)) for place in range(room)}
        shown = [place for place in shown if place in shown_places]  # type: ignore[assignment]
    rows = [(clipped(name, longest), *(cells[name][place] for place in shown)) for name in cells]
    lines = [f"{history.title}, by step:", "", *table(("step", *(str(found[place][0]) for place in shown)), rows), ""]
    if len(shown) < len(found):
        lines.append(f"{len(shown)} of {len(found)} checkpoints; --json has all")
    return lines


def _cell(value: float, spec: str) -> str:
    """A number as a table shows it; one that is not defined at a checkpoint as a dash."""
    return format(value, spec) if math.isfinite(value) else "-"
