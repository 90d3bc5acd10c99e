"""The lines of a task: from a file here, or by name from the Hugging Face hub."""

import json
from collections.abc import Iterator
from pathlib import Path

from .items import Row
from .tasks import Item, Task

PARQUET = "refs/convert/parquet"
"""The branch on which the hub keeps every public data set as Parquet, whatever format its authors chose."""


def read_items(task: Task, path: str | Path, limit: int | None = None) -> list[Item]:
    """The questions of a .jsonl or .parquet file, at most `limit`. Raises ValueError that names the line which is no
    JSON or lacks a field, and for a file without lines; OSError where there is no such file."""
    items: list[Item] = []
    for number, row in enumerate(read_rows(Path(path)), start=1):
        if limit is not None and number > limit:
            break
        try:
            items.append(task.read(row))
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
    if not items:
        raise ValueError(f"wanted at least one line of {task.name} in {path}, got none; check file and limit")
    return items


def read_rows(path: Path) -> Iterator[Row]:
    """One object per line of a JSONL file or row of a Parquet file (extra `hub`)."""
    if path.suffix == ".parquet":
        yield from _extra("pyarrow.parquet").read_table(path).to_pylist()
        return
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: wanted UTF-8, got other bytes at offset {error.start}; convert the file") from None
    except OSError as error:
        raise OSError(f"wanted a file of questions, got {path}: {error.strerror}; check the path") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _object(line, number, path)


def _object(line: str, number: int, path: Path) -> Row:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {number}: wanted a JSON object, got {line[:40]!r} ({error.msg})") from None
    if not isinstance(row, dict):
        raise ValueError(f"{path}, line {number}: wanted a JSON object, got {line[:40]!r}; write one object a line")
    return row


def download(repository: str, configuration: str, split: str) -> Path:
    """The first Parquet file of a split, through huggingface_hub and its cache. Raises ImportError without the extra
    `hub`, OSError where the hub gives nothing.

    As a snapshot of that one file: without a connection it fails at once, a single file only after 20 s of attempts.
    """
    hub = _extra("huggingface_hub")
    name = f"{configuration}/{split}/0000.parquet"
    try:
        folder = hub.snapshot_download(repository, repo_type="dataset", revision=PARQUET, allow_patterns=[name])
    except Exception as error:  # of whichever HTTP library huggingface_hub brings
        reason = (str(error).strip().splitlines() or [""])[0]
        raise OSError(
            f"wanted {repository} ({configuration}, {split}) from the hub, got {type(error).__name__}: {reason}; "
            "go online once, or give a file of your own"
        ) from error
    path = Path(folder) / name
    if not path.exists():
        raise OSError(
            f"wanted {repository} ({configuration}, {split}) from the hub, got no such part; "
            "see the data set's page for its --subset"
        )
    return path


def _extra(module: str):  # type: ignore[no-untyped-def]
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"wanted {module.split('.')[0]} to read public data, got none; install the extra: decoding[hub]"
        ) from error
