"""The lines of a task: from a file here, or by name from the Hugging Face hub."""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from workbench import read_json_lines, require

from .items import Item, Record
from .tasks import Task

PARQUET = "refs/convert/parquet"
"""The branch on which the hub keeps every public data set as Parquet, whatever format its authors chose."""


def read_items(task: Task, path: str | Path, limit: int | None = None) -> list[Item]:
    """The questions of a .jsonl or .parquet file, at most `limit`. Raises ValueError that names the line which is no
    JSON or lacks a field, and for a file without lines; OSError where there is no such file."""
    items: list[Item] = []
    for number, record in islice(read_records(Path(path)), None if limit is None else min(limit, sys.maxsize)):
        try:
            items.append(task.read(record))
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
    if not items:
        raise ValueError(f"wanted at least one line of {task.name} in {path}, got none; check file and limit")
    return items


def read_records(path: Path) -> Iterator[tuple[int, Record]]:
    """Number (from 1) and record of each line of a JSONL file or row of a Parquet file (extra `hub`)."""
    if path.suffix == ".parquet":
        yield from enumerate(require("pyarrow.parquet", "evaluation", "hub").read_table(path).to_pylist(), start=1)
        return
    try:
        yield from read_json_lines(path)
    except OSError as error:
        raise OSError(f"wanted a file of questions, got {path}: {error.strerror}; check the path") from None


def download(repository: str, configuration: str, split: str) -> Path:
    """The first Parquet file of a split, through huggingface_hub and its cache. Raises ImportError without the extra
    `hub`, OSError where the hub gives nothing.

    As a snapshot of that one file: without a connection it fails at once, a single file only after 20 s of attempts.
    """
    hub = require("huggingface_hub", "evaluation", "hub")
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
