"""The graph of a computation as text that browsers draw: Mermaid (in Markdown on most forges) and SVG (anywhere)."""

from dataclasses import dataclass
from html import escape
from itertools import accumulate, pairwise
from statistics import fmean

import numpy as np

from ..autodiff import Value, topological_order

BOX, HEIGHT, GAP, GAP_Y, BEND = 196, 62, 22, 34, 24  # of the SVG, in pixels
LIMIT = 200
Key = int | tuple[int, int, int]  # a box: id of its value; a bend of an arrow: ids of parent and user, row


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
    level = _levels(values)
    uses = _uses(values, level)
    place = _places(values, level, uses)
    width = round(max(x for x, _ in place.values())) + BOX // 2 + GAP
    height = round(max(y for _, y in place.values())) + HEIGHT + GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'font-family="system-ui, sans-serif" font-size="12" text-anchor="middle">',
            '<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0 0 L8 4 L0 8 z" fill="#777"/></marker>',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *(_arrow([place[key] for key in use]) for use in uses),
            *(_box(value, *place[id(value)]) for value in values),
            "</svg>",
        ]
    )


def _levels(values: list[Value]) -> dict[int, int]:
    """Return how many rows above the loss each value stands: one above the highest that uses it."""
    level = {id(value): 0 for value in values}
    for value in reversed(values):  # users before what they use
        for parent in value.parents:
            level[id(parent)] = max(level[id(parent)], level[id(value)] + 1)
    return level


def _uses(values: list[Value], level: dict[int, int]) -> list[list[Key]]:
    """Return each arrow as the keys it passes: a parent, a bend in every row between, and the value that uses it."""
    uses: list[list[Key]] = []
    for value in values:
        for parent in value.parents:
            between = range(level[id(parent)] - 1, level[id(value)], -1)
            uses.append([id(parent), *((id(parent), id(value), row) for row in between), id(value)])
    return uses


def _places(values: list[Value], level: dict[int, int], uses: list[list[Key]]) -> dict[Key, tuple[float, float]]:
    """Return the middle of each box's upper side; boxes and bends stand above the mean of what they lead to."""
    rows: list[list[Key]] = [[] for _ in range(max(level.values()) + 1)]
    for value in values:
        rows[level[id(value)]].append(id(value))
    below: dict[Key, list[Key]] = {}
    for use in uses:
        for upper, lower in pairwise(use):
            if isinstance(upper, tuple) and upper not in rows[upper[2]]:
                rows[upper[2]].append(upper)
            below.setdefault(upper, []).append(lower)
    place: dict[Key, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        row.sort(key=lambda key: fmean(place[lower][0] for lower in below.get(key, [])) if key in below else 0)
        widths = [BOX + GAP if isinstance(key, int) else BEND for key in row]
        ends = list(accumulate(widths))
        for key, width, end in zip(row, widths, ends, strict=True):
            place[key] = (end - width / 2 - ends[-1] / 2, float((len(rows) - 1 - number) * (HEIGHT + GAP_Y) + GAP))
    left = min(x for x, _ in place.values()) - BOX / 2 - GAP
    return {key: (x - left, y) for key, (x, y) in place.items()}


def _arrow(points: list[tuple[float, float]]) -> str:
    (x, y), *rest = points
    line = f"M{x:g} {y + HEIGHT:g}"
    for next_x, next_y in rest:
        middle = (y + HEIGHT + next_y) / 2
        line += f" C{x:g} {middle:g} {next_x:g} {middle:g} {next_x:g} {next_y:g} V{next_y + HEIGHT:g}"
        x, y = next_x, next_y
    line = line.rpartition(" V")[0]  # the last one ends at its box and does not cross it
    return f'<path d="{line}" fill="none" stroke="#777" marker-end="url(#arrow)"/>'


def _box(value: Value, x: float, y: float) -> str:
    color, corner = ("#e8f0fe", 4) if value.parents else ("#fef3d8", 18)
    title, number, gradient = (escape(line) for line in _labels(value))
    return (
        f'<rect x="{x - BOX / 2:g}" y="{y:g}" width="{BOX}" height="{HEIGHT}" rx="{corner}" fill="{color}" '
        f'stroke="#555"/><text x="{x:g}" y="{y + 19:g}" font-weight="bold">{title}</text>'
        f'<text x="{x:g}" y="{y + 36:g}">{number}</text>'
        f'<text x="{x:g}" y="{y + 52:g}" fill="#b3261e">{gradient}</text>'
    )
