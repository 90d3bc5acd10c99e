"""Examples as people keep them: JSON lines, CSV or Parquet, each record with the place where it stands."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench import expanded, read_json_lines, read_utf8, require

from ..tasks.records import PREFIX, read_names, task_records
from .docstrings import NAME, docstring_records

Record = dict[str, Any]
CURE = f"write a record a line as JSON into a .jsonl file, or take {NAME}, or {PREFIX}reverse,sort"


def read_records(path: str | Path, cure: str = CURE) -> Iterator[tuple[str, Record]]:
    """Each record of a .jsonl, .csv, .tsv or .parquet file, with where it is, such as "line 3 of data.jsonl"; of the
    examples that Python brings (`docstring_records`), where the path is their name, `docstrings`; or of tasks that are
    drawn (`task_records`), where it is such as `tasks:reverse,sort`.

    Raises ValueError for a file of another kind, about which `cure` says what to do, and for what is no record; OSError
    where there is no such file, and ImportError where Parquet's library is missing.
    """
    if str(path) == NAME:
        return docstring_records()
    if str(path).startswith(PREFIX):
        return task_records(read_names(str(path)))
    path = expanded(path)
    kind = path.suffix.lower()
    if kind in (".jsonl", ".ndjson"):
        return ((f"line {number} of {path}", record) for number, record in read_json_lines(path))
    if kind in (".csv", ".tsv"):
        return _rows(path, "," if kind == ".csv" else "\t")
    if kind == ".parquet":
        return _parquet(path)
    raise ValueError(f"{path}: wanted a .jsonl, .csv, .tsv or .parquet file, got {kind or 'no ending'}; {cure}")


def _rows(path: Path, delimiter: str) -> Iterator[tuple[str, Record]]:
    reader = csv.reader(io.StringIO(read_utf8(path), newline=""), delimiter=delimiter, strict=True)
    try:
        names = next(reader, None)
        if names is None:
            raise ValueError(f"{path}: wanted a first line with the names of the columns, got an empty file; fill it")
        for row in reader:
            place = f"line {reader.line_num} of {path}"
            if row and len(row) != len(names):
                raise ValueError(
                    f"{place}: wanted {len(names)} columns, got {len(row)}; quote what holds the delimiter"
                )
            if row:
                yield place, dict(zip(names, row, strict=True))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} of {path}: wanted CSV, got {error}; repair the line") from None


def _parquet(path: Path) -> Iterator[tuple[str, Record]]:
    parquet = require("pyarrow.parquet", "finetuning", "parquet")
    if not path.is_file():
        raise FileNotFoundError(2, "No such file or directory", str(path))
    try:
        number = 0
        for batch in parquet.ParquetFile(path).iter_batches():
            for record in batch.to_pylist():
                number += 1
                yield f"row {number} of {path}", record
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: wanted a Parquet file, got: {error}; write it again") from None
