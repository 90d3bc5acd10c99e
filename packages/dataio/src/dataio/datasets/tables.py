"""Tables of numbers in CSV files."""

import csv
import io
import math
from pathlib import Path

import numpy as np

from workbench import expanded, read_utf8

from ..arrays import ArrayDataset

LARGEST = float(np.finfo(np.float32).max)


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
        ValueError: no header, no rows, no such column, a row of another width, or a cell that is no finite number, or
            none that float32 can hold.
    """
    path = expanded(path)
    if not path.is_file():
        raise FileNotFoundError(f"wanted a CSV file, but {path} does not exist; check the path")
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise ValueError(f"wanted one character between cells, got {delimiter!r}; pass ',' or ';' or a tab")
    reader = csv.reader(io.StringIO(read_utf8(path, "cells"), newline=""), delimiter=delimiter)
    try:
        lines = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise ValueError(f"wanted cells in line {reader.line_num} of {path}, got {error}; repair the line") from error
    if len(lines) < 2:
        raise ValueError(f"wanted a header line and at least one row in {path}, got {len(lines)} line(s); add data")
    names, lines = lines[0][1], lines[1:]
    if names.count(target) != 1:
        raise ValueError(f"wanted one column {target!r} in {path}, got columns {names}; pass one of their names")
    place = names.index(target)
    for number, row in lines:
        if len(row) != len(names):
            raise ValueError(f"wanted {len(names)} cells in line {number} of {path}, got {len(row)}; repair the line")
    features = np.array(
        [
            [_number(cell, names[column], line, path) for column, cell in enumerate(row) if column != place]
            for line, row in lines
        ],
        dtype=np.float32,
    )
    feature_names = tuple(name for name in names if name != target)
    cells = [row[place] for _, row in lines]
    if numeric_target:
        values = [_number(row[place], target, line, path) for line, row in lines]
        return Table(features, np.array(values, dtype=np.float32), feature_names, None)
    classes = sorted(set(cells))
    number_of = {name: number for number, name in enumerate(classes)}
    labels = np.array([number_of[cell] for cell in cells], dtype=np.int64)
    return Table(features, labels, feature_names, tuple(classes))


def _number(cell: str, column: str, line: int, path: Path) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in cell:  # Python's 1_000 is nobody else's number
        raise ValueError(
            f"wanted a finite number in column {column!r}, line {line} of {path}, got {cell!r}; "
            "fill it in, or drop the line or column"
        )
    if abs(value) > LARGEST:
        raise ValueError(
            f"wanted a number of float32, at most {LARGEST:.7g}, in column {column!r}, line {line} of {path}, got "
            f"{cell!r}; write the column in another unit, or take its logarithm"
        )
    return value
