"""The graph of a computation as text that browsers draw: Mermaid (in Markdown on most forges) and SVG (anywhere)."""

from dataclasses import dataclass
from html import escape

import numpy as np

from .autodiff import Value, topological_order

BOX, HEIGHT, GAP_X, GAP_Y, LIMIT = 178, 62, 22, 34, 200


@dataclass(frozen=True)
class Drawing:
    """One graph in two languages. Notebooks show the SVG."""

    mermaid: str
    svg: str

    def _repr_svg_(self) -> str:
        return self.svg


def draw(loss: Value) -> Drawing:
    """Draw everything that `loss` was computed from: label, shape, value and, after `backward`, gradient.

    ValueError above 200 values: nobody can read that; draw one step of the model or a smaller one.
    """
    values = topological_order(loss)
    if len(values) > LIMIT:
        raise ValueError(
            f"wanted a graph of at most {LIMIT} values, got {len(values)}; draw a smaller model or one layer of it"
        )
    return Drawing(_mermaid(values), _svg(values))


def _labels(value: Value) -> tuple[str, str, str]:
    """Return the three lines of a box, e.g. 'tanh  (4, 2)', 'value -0.5 to 0.9', 'gradient 0 to 0.1'."""
    shape = f"  {value.shape}" if value.shape else ""
    return f"{value.label or 'constant'}{shape}", f"value {_numbers(value.data)}", f"gradient {_numbers(value.grad)}"


def _numbers(array: np.ndarray | None) -> str:
    if array is None:
        return "not computed"
    if array.size == 0:
        return "empty"
    if array.size <= 2:
        return ", ".join(f"{number:.3g}" for number in array.ravel())
    return f"{array.min():.3g} to {array.max():.3g}"


def _mermaid(values: list[Value]) -> str:
    number = {id(value): i for i, value in enumerate(values)}
    lines = ["flowchart TD"]
    for i, value in enumerate(values):
        text = "<br/>".join(escape(line).replace("*", "&ast;") for line in _labels(value))
        lines.append(f'    n{i}["{text}"]' if value.parents else f'    n{i}(["{text}"])')
        lines += [f"    n{number[id(parent)]} --> n{i}" for parent in value.parents]
    return "\n".join(lines)


def _svg(values: list[Value]) -> str:
    rows = _rows(values)
    width = max(len(row) for row in rows) * (BOX + GAP_X) + GAP_X
    height = len(rows) * (HEIGHT + GAP_Y) + GAP_Y
    place = {}
    for y, row in enumerate(rows):
        left = (width - len(row) * (BOX + GAP_X) + GAP_X) / 2
        for x, value in enumerate(row):
            place[id(value)] = (left + x * (BOX + GAP_X), GAP_Y + y * (HEIGHT + GAP_Y))
    edges = [_edge(place[id(p)], place[id(value)]) for value in values for p in value.parents]
    boxes = [_box(value, *place[id(value)]) for value in values]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'font-family="system-ui, sans-serif" font-size="12" text-anchor="middle">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *edges,
            *boxes,
            "</svg>",
        ]
    )


def _rows(values: list[Value]) -> list[list[Value]]:
    """Lay the graph in rows: each value one row above the first that uses it, ordered by where its users stand."""
    users: dict[int, list[Value]] = {id(value): [] for value in values}
    row_of: dict[int, int] = {}
    for value in reversed(values):  # users before what they use
        row_of[id(value)] = max((row_of[id(user)] + 1 for user in users[id(value)]), default=0)
        for parent in value.parents:
            users[id(parent)].append(value)
    rows: list[list[Value]] = [[] for _ in range(max(row_of.values()) + 1)]
    for value in values:
        rows[row_of[id(value)]].append(value)
    centre: dict[int, float] = {}
    for row in rows:
        row.sort(key=lambda value: np.mean([centre[id(user)] for user in users[id(value)]]) if users[id(value)] else 0)
        centre |= {id(value): x - (len(row) - 1) / 2 for x, value in enumerate(row)}
    return rows[::-1]


def _edge(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1, x2, y2 = start[0] + BOX / 2, start[1] + HEIGHT, end[0] + BOX / 2, end[1]
    bend = (y2 - y1) / 2
    return f'<path d="M{x1} {y1} C{x1} {y1 + bend} {x2} {y2 - bend} {x2} {y2}" fill="none" stroke="#888"/>'


def _box(value: Value, x: float, y: float) -> str:
    colour, corner = ("#e8f0fe", 4) if value.parents else ("#fef3d8", 18)
    title, number, gradient = (escape(line) for line in _labels(value))
    middle = x + BOX / 2
    return (
        f'<rect x="{x}" y="{y}" width="{BOX}" height="{HEIGHT}" rx="{corner}" fill="{colour}" stroke="#555"/>'
        f'<text x="{middle}" y="{y + 19}" font-weight="bold">{title}</text>'
        f'<text x="{middle}" y="{y + 36}">{number}</text>'
        f'<text x="{middle}" y="{y + 52}" fill="#b3261e">{gradient}</text>'
    )
