"""Tables of numbers in CSV files."""

import csv
import math
from pathlib import Path

import numpy as np

from ..arrays import ArrayDataset


class Table(ArrayDataset):
    """Dataset of (features float32 " F", target): a class id (int64, names in `classes`) or a float32 number."""

    def __init__(
        self, features: np.ndarray, target: np.ndarray, feature_names: tuple[str, ...], classes: tuple[str, ...] | None
    ) -> None:
        super().__init__(features, target)
        self.feature_names, self.classes = feature_names, classes


def read_table(path: str | Path, target: str, *, numeric_target: bool = False, delimiter: str = ",") -> Table:
    """Read a CSV file with a header line: every column but `target` is a feature and holds numbers.

    Args:
        path: the file, UTF-8.
        target: the column to predict: names of classes (numbered alphabetically), or numbers if `numeric_target`.
        delimiter: what stands between two cells.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no header, no rows, no such column, a row of another width, or a cell that is no finite number.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"wanted a CSV file, but {path} does not exist; check the path")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
    if len(rows) < 2:
        raise ValueError(f"wanted a header line and at least one row in {path}, got {len(rows)} line(s); add data")
    names, rows = rows[0], rows[1:]
    if names.count(target) != 1:
        raise ValueError(f"wanted one column {target!r} in {path}, got columns {names}; pass one of their names")
    place = names.index(target)
    for number, row in enumerate(rows, start=2):
        if len(row) != len(names):
            raise ValueError(f"wanted {len(names)} cells in line {number} of {path}, got {len(row)}; repair the line")
    features = np.array(
        [
            [_number(cell, names[column], line, path) for column, cell in enumerate(row) if column != place]
            for line, row in enumerate(rows, start=2)
        ],
        dtype=np.float32,
    )
    feature_names = tuple(name for name in names if name != target)
    cells = [row[place] for row in rows]
    if numeric_target:
        values = [_number(cell, target, line, path) for line, cell in enumerate(cells, start=2)]
        return Table(features, np.array(values, dtype=np.float32), feature_names, None)
    classes = sorted(set(cells))
    labels = np.array([classes.index(cell) for cell in cells], dtype=np.int64)
    return Table(features, labels, feature_names, tuple(classes))


def _number(cell: str, column: str, line: int, path: Path) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"wanted a finite number in column {column!r}, line {line} of {path}, got {cell!r}; "
            "fill it in, or drop the line or column"
        )
    return value
