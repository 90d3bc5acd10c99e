"""How a command answers: a table of 80 columns or one JSON object, a picture, and the next command."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench import tell_next

COLUMNS = 80
DOTS = 150  # per inch
PROG = "interpretability"


def answer(facts: Mapping[str, Any], lines: Iterable[str], as_json: bool) -> None:
    """Print the lines, or the facts as one JSON object, in which a number that JSON lacks is null."""
    if as_json:
        print(json.dumps(_finite(facts), ensure_ascii=False, allow_nan=False))
        return
    print("\n".join(line.rstrip() for line in lines))


def answer_next(words: Sequence[str], as_json: bool) -> None:
    """The next command; on standard error where standard output is read by a program."""
    tell_next(PROG, [PROG, *words], beside_results=as_json)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1) -> list[str]:
    """Lines of columns that are as wide as they need be; the first `left` of them begin at the left edge."""
    cells = [[head for head in heads], *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    lines = []
    for row in cells:
        parts = [
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(parts))
    return lines


def clipped(text: str, width: int, *, end: bool = False) -> str:
    """A text of at most `width` characters; `end` keeps its end, which of a passage leads up to what is shown."""
    if len(text) <= width:
        return text
    return f"…{text[1 - width :]}" if end else f"{text[: width - 1]}…"


def save_picture(figure: Any, path: Path) -> list[str]:
    """Save a figure, and the line that says where."""
    figure.savefig(path, dpi=DOTS)
    return [f"Picture: {path}"]


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return value
