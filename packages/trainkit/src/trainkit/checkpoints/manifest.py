"""The list of a checkpoint's files with their sizes and SHA-256, and the check that they are still those files."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from workbench import check_kinds, give_usual_mode, sync

from .file_memory import Memory, read_hashed, tensors_in
from .parts import Part

VERSION = 1
NAME, STATE = "manifest.json", "state.json"
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError)
"""What JSON that means something else raises, thousands of brackets included."""
NO_TENSORS = (RuntimeError, SafetensorError)
"""What torch and safetensors raise for sizes that do not fit together, and for files that are none."""


class CheckpointError(ValueError):
    """A checkpoint that is missing, torn, corrupt, of another version or of another run."""


@dataclass(frozen=True)
class Saved:
    """What a checkpoint says of itself."""

    step: int
    score: float | None
    extra: dict[str, Any]
    path: Path
    parts: tuple[str, ...] = ()


class Saving:
    """Collects the files of one checkpoint; finished files are hashed and flushed while the next part is written."""

    def __init__(self, folder: Path, pool: ThreadPoolExecutor):
        self.folder, self.pool = folder, pool
        self.owner: dict[str, str] = {}
        self.entries: dict[str, Future[dict[str, Any]]] = {}
        self.flushes: list[Future[None]] = []

    def add(self, name: str, part: Part) -> None:
        part.save(self.folder)
        new = sorted(file for file in files_in(self.folder) if file not in self.entries)
        if not new:
            raise ValueError(
                f"wanted part {name!r} to write files of its own, it wrote none; give each part its own name"
            )
        for file in new:
            self.owner[file] = name
            give_usual_mode(self.folder / file)
            self.flushes.append(self.pool.submit(sync, self.folder / file))  # waits for the disk, the hash for the CPU
            self.entries[file] = self.pool.submit(entry_of, self.folder / file)


@contextmanager
def writing(folder: Path, step: int, score: float | None, extra: dict[str, Any]) -> Iterator[Saving]:
    """Parts are added in the body; then state.json and manifest.json follow and everything is flushed."""
    with ThreadPoolExecutor(4) as pool:
        saving = Saving(folder, pool)
        yield saving
        parts = list(dict.fromkeys(saving.owner.values()))
        state = {"version": VERSION, "step": step, "score": score, "extra": extra, "parts": parts}
        (folder / STATE).write_text(json.dumps(state, indent=1), encoding="utf-8")
        entries = {file: future.result() for file, future in saving.entries.items()}
        entries[STATE] = entry_of(folder / STATE)
        sync(folder / STATE)
        for flush in saving.flushes:
            flush.result()
    (folder / NAME).write_text(_manifest_text(entries), encoding="utf-8")
    sync(folder / NAME)
    for inner in [path for path in folder.rglob("*") if path.is_dir()]:
        sync(inner)
    sync(folder)


def verify_checkpoint(path: str | Path) -> Saved:
    """Read and compare every byte; returns what was saved, or raises CheckpointError that names the file."""
    return read_checkpoint(Path(path), set())[0]


def read_checkpoint(path: Path, wanted: set[str]) -> tuple[Saved, dict[str, dict[str, Tensor]]]:
    """As `verify_checkpoint`; the tensors of the `wanted` safetensors files come along from the same reading."""
    contents: dict[str, Memory] = {}

    def found(file: str) -> dict[str, Any]:
        if file not in wanted:
            return entry_of(path / file)
        contents[file], digest, n_bytes = read_hashed(path / file)
        return {"sha256": digest, "bytes": n_bytes}

    try:
        entries = _entries(path)
        largest_first = sorted(entries, key=lambda file: -entries[file]["bytes"])
        with ThreadPoolExecutor(4) as pool:  # hashing leaves Python to other threads
            for file, entry in zip(largest_first, pool.map(found, largest_first), strict=True):
                _compare(path / file, entries[file], entry)
        state = json.loads((path / STATE).read_text(encoding="utf-8"))
        saved = Saved(state["step"], state["score"], state["extra"], path, tuple(state["parts"]))
        check_kinds(saved)
        return saved, {file: tensors_in(memory) for file, memory in contents.items()}
    except OSError as error:
        raise CheckpointError(f"wanted a whole checkpoint in {path}, got {error}; use an earlier checkpoint") from error
    except CheckpointError:
        raise
    except (*UNREADABLE, *NO_TENSORS) as error:
        raise CheckpointError(
            f"wanted a checkpoint in {path}, got files that are none ({error!r}); use an earlier checkpoint"
        ) from error


def _compare(file: Path, wanted: dict[str, Any], found: dict[str, Any]) -> None:
    if found != wanted:
        raise CheckpointError(f"wanted {file} as it was saved ({wanted}), got {found}; use an earlier checkpoint")


def score(path: Path) -> float | None:
    """The score in state.json, None where there is none to read."""
    try:
        found = json.loads((path / STATE).read_text(encoding="utf-8"))["score"]
    except (OSError, *UNREADABLE):
        return None
    return float(found) if isinstance(found, (int, float)) else None


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def entry_of(file: Path) -> dict[str, Any]:
    with file.open("rb", buffering=0) as stream:
        return {"sha256": hashlib.file_digest(stream, "sha256").hexdigest(), "bytes": file.stat().st_size}


def _manifest_text(entries: dict[str, Any], version: int = VERSION) -> str:
    """The manifest with its own digest, so that a flipped byte in it is found as well."""
    content = {"version": version, "files": entries}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({**content, "sha256": digest}, indent=1, sort_keys=True)


def _entries(path: Path) -> dict[str, Any]:
    text = (path / NAME).read_bytes().decode("utf-8", errors="replace")
    try:
        content = json.loads(text)
        version, entries = content["version"], content["files"]
    except UNREADABLE as error:
        raise CheckpointError(
            f"wanted a manifest in {path / NAME}, got text that is none ({error}); use an earlier checkpoint"
        ) from error
    if text != _manifest_text(entries, version):
        raise CheckpointError(f"wanted {path / NAME} as it was saved, got other bytes; use an earlier checkpoint")
    if version != VERSION:
        raise CheckpointError(
            f"wanted a checkpoint of version {VERSION} in {path}, got version {version}; "
            f"load it with the trainkit that wrote it"
        )
    return entries
