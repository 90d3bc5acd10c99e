"""Files that hold many documents, one a record: JSON lines and Parquet. Few records are ever in memory."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench import fits_utf8, json_objects, require

from .corpora import Document

JSONL_SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
PARQUET_SUFFIXES = (".parquet",)
LONGEST = 2**28  # bytes of a line
PARQUET_ROWS = 64  # turned into text at once: a book a row still fits


def read_jsonl(path: Path, field: str, name: str) -> Iterator[Document]:
    """Read the texts in `field` of a file with a JSON object a line, gzipped or not; empty lines count but hold none.

    Documents go by `name`:LINE.

    Raises:
        ValueError: a line is no JSON object in UTF-8, lacks the field or has no text in it, or the file ends too early.
    """
    number = 0
    try:
        with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as lines:
            for number, record in json_objects(bounded(lines, path), path):
                yield Document(f"{name}:{number}", text_of(record, field, f"line {number} of {path}"))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"wanted a whole gzip file, but {path} is damaged after line {number} ({error}); copy it again"
        ) from error


def bounded(lines: Any, path: Path) -> Iterator[bytes]:
    """The lines of an open file; ValueError for one that is too long to be a record, before it fills the memory."""
    number = 0
    while line := lines.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise ValueError(f"wanted lines of at most {LONGEST:,} bytes, got more in line {number} of {path}; cut it")
        yield line


def read_parquet(path: Path, field: str, name: str) -> Iterator[Document]:
    """Read the texts in the column `field` of a Parquet file, row group by row group; no other column is read.

    Documents go by `name`:ROW, counted from 0.

    Raises:
        ImportError: pyarrow is not there (extra `hub`).
        ValueError: the file is damaged, has no such column, the column is no text, or a row has none (null).
    """
    arrow, parquet = require("pyarrow", "dataio", "hub"), require("pyarrow.parquet", "dataio", "hub")
    row = 0
    try:
        # Without read-ahead and with a small buffer a row group of gigabytes is decoded page by page.
        with parquet.ParquetFile(path, pre_buffer=False, buffer_size=2**20) as file:
            _check_column(file.schema_arrow, field, path, arrow.types)
            for batch in file.iter_batches(PARQUET_ROWS, columns=[field], use_threads=False):
                for text in batch.column(0).to_pylist():
                    if text is None:
                        raise ValueError(
                            f"wanted text in column {field!r}, row {row} of {path}, got null; leave out rows without"
                        )
                    yield Document(f"{name}:{row}", text)
                    row += 1
    except (arrow.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
        raise ValueError(
            f"wanted a whole Parquet file, but {path} cannot be read after {row} rows ({error}); "
            "it was cut short or changed: copy or download it again"
        ) from error


def text_of(record: dict[str, Any], field: str, where: str) -> str:
    if field not in record:
        raise ValueError(
            f"wanted field {field!r}, got fields {sorted(record)} in {where}; give it by field= or --field"
        )
    text = record[field]
    if not isinstance(text, str):
        raise ValueError(
            f"wanted text in field {field!r}, got {type(text).__name__} in {where}; give one that holds "
            "text by field= or --field, or repair the line"
        )
    if not fits_utf8(text):
        raise ValueError(
            f"wanted text that UTF-8 can hold in field {field!r}, got half a surrogate pair in {where}; repair the line"
        )
    return text


def _check_column(schema: Any, field: str, path: Path, types: Any) -> None:
    if field not in schema.names:
        raise ValueError(f"wanted column {field!r} in {path}, got columns {schema.names}; give it by field= or --field")
    kind = schema.field(field).type
    kind = kind.value_type if types.is_dictionary(kind) else kind
    if not (types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)):
        raise ValueError(
            f"wanted text in column {field!r} of {path}, got {kind}; give one of {schema.names} "
            "that holds text by field= or --field"
        )
