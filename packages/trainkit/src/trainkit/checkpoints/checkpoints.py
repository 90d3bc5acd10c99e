"""Checkpoints that survive a crash: written aside, flushed, renamed; verified before they are trusted.

FOLDER/step-000200/     the parts' files, state.json, manifest.json with the SHA-256 of all of them
FOLDER/latest, best     one line each: the name of a folder
"""

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor

from workbench import hold, make_folder, replace_folder

from ..processes.ranks import from_first_rank, gathered_objects, is_first_rank
from . import manifest
from .folder import CheckpointFolder
from .manifest import CheckpointError, Saved
from .parts import Part, TensorPart
from .save_errors import explained

logger = logging.getLogger(__name__)


class Checkpoints:
    """Saves and loads `parts` (name -> Part) under `folder`; keeps the last `keep` checkpoints and the best."""

    def __init__(self, folder: str | Path, parts: Mapping[str, Part], *, keep: int = 2):
        if keep < 1:
            raise ValueError(f"wanted keep >= 1, got {keep}; a run needs at least its last checkpoint")
        self.folder, self.parts, self.keep = Path(folder), dict(parts), keep
        self._here = CheckpointFolder(folder)

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, valid or not, ascending."""
        return self._here.steps()

    def save(self, step: int, score: Any = None, extra: dict[str, Any] | None = None) -> Path:
        """Write step-000200 and move `latest`, and `best` if the score is the lowest so far; `extra` is any JSON.

        `score` is a number or what `float()` takes, such as an Evaluation. On any error the earlier checkpoints stay
        and what was begun is removed; a full or read-only disk, a limit, a missing permission is an OSError of that
        errno that says what to do. Of several processes the first
        writes, and where one fails all do: the others with a CheckpointError that quotes it.
        """
        if not is_first_rank():
            return self._save_elsewhere(step)
        written = [0]
        try:
            make_folder(self.folder)
            with hold(self.folder, wait=True):  # another process would tidy away what this one has begun
                self._write(step, None if score is None else float(score), extra or {}, written)
        except BaseException as error:
            sizes = {s: sum(path.stat().st_size for path in self._here.of(s).rglob("*")) for s in self.steps()}
            known = explained(error, step, self.folder, written[0], sizes, self.parts)
            if not isinstance(error, _ElsewhereError):
                _agree(known)
            raise known from (error if known is not error else None)
        _agree(None)  # the others wait for it
        return self._here.of(step)

    def _write(self, step: int, score: float | None, extra: dict[str, Any], written: list[int]) -> None:
        """After an error nothing of it is left, and `written` says how many bytes there had been."""
        staged, final = self._here.staged(step), self._here.of(step)
        try:
            self._here.tidy()
            staged.mkdir()
            with manifest.writing(staged, step, score, extra) as saving:
                _agree(None)
                for name, part in self.parts.items():
                    saving.add(name, part)
                    _agree(None)
            replace_folder(staged, final, self._here.replaced(step))
        except BaseException:
            written[0] = sum(path.stat().st_size for path in staged.rglob("*") if path.is_file())
            shutil.rmtree(staged, ignore_errors=True)
            raise
        self._here.remove_old(step, self.keep, best=self._here.point_at(final))

    def _save_elsewhere(self, step: int) -> Path:
        """Other processes take part in what the parts gather; files that theirs write are thrown away."""
        _agree(None)
        with TemporaryDirectory() as folder:
            for part in self.parts.values():
                try:
                    part.save(Path(folder))
                except BaseException as error:
                    _agree(error)
                    raise
                _agree(None)
        _agree(None)
        return self._here.of(step)

    def load(self, which: str | int = "latest") -> Saved:
        """Load into the parts and return what was saved with them; CheckpointError if nothing valid is there.

        "latest": the newest valid one, starting where the pointer `latest` says; "best": the valid one of lowest score.
        A corrupt one is skipped with a logged warning. A number asks for just that step.
        """
        found: Saved | Exception | None = None
        contents: dict[str, dict[str, Tensor]] = {}
        if is_first_rank():
            try:
                found, contents = self._find(which)
            except Exception as error:  # the others shall not wait for what will not come
                found = error
        found = from_first_rank(found)
        if not isinstance(found, Saved):
            raise found or RuntimeError("the first process sent no checkpoint")
        for name, part in self.parts.items():
            with _readable(name, found):
                if isinstance(part, TensorPart) and part.file in contents:
                    part.take(found.path, contents.pop(part.file))  # popped: its memory is free for the next
                else:
                    part.load(found.path)
        return found

    def _find(self, which: str | int) -> tuple[Saved, dict[str, dict[str, Tensor]]]:
        if self._here.was_left_between_renames():
            with hold(self.folder, wait=True):  # or a process that is at it right now
                self._here.put_back()
        wanted = {part.file for part in self.parts.values() if isinstance(part, TensorPart)}
        for step in self._here.candidates(which):
            try:
                saved, contents = manifest.read_checkpoint(self._here.of(step), wanted)
            except CheckpointError as error:
                if isinstance(which, int):
                    raise
                logger.warning("skipping a checkpoint that cannot be trusted: %s", error)
                continue
            self._check_parts(saved)
            return saved, contents
        raise CheckpointError(
            f"wanted a valid checkpoint ({which}) in {self.folder}, got steps {self.steps()}, none usable; "
            f"check the folder's name, or start a new run"
        )

    def _check_parts(self, saved: Saved) -> None:
        if set(saved.parts) != set(self.parts):
            raise CheckpointError(
                f"wanted {saved.path} to hold the parts {sorted(self.parts)}, got {sorted(saved.parts)}; "
                f"build the run with the settings that it was saved with"
            )


@contextmanager
def _readable(name: str, saved: Saved) -> Iterator[None]:
    """CheckpointError for a part whose files are whole, and yet not what it saves; what a part says itself passes."""
    try:
        yield
    except (*manifest.UNREADABLE, *manifest.NO_TENSORS) as error:
        if isinstance(error, ValueError) and not isinstance(error, JSONDecodeError | UnicodeDecodeError):
            raise
        raise CheckpointError(
            f"wanted the part {name!r} of {saved.path} as this run saves it, got {error!r}; build the run with the "
            f"settings and versions that it was saved with, or use an earlier checkpoint"
        ) from error


class _ElsewhereError(CheckpointError):
    """Another process failed, and has told all of them."""


def _agree(error: BaseException | None) -> None:
    """All processes meet here after each thing that one of them may fail at; if one did, none goes on alone.

    Between two meetings every part does its communication before it writes, so nobody waits inside it for ever.
    """
    failed = [(n, text) for n, text in enumerate(gathered_objects(None if error is None else repr(error))) if text]
    if failed and error is None:
        raise _ElsewhereError(
            f"wanted a checkpoint from all processes, got an error in process {failed[0][0]}: {failed[0][1]}; "
            f"earlier checkpoints are intact: mend that and resume"
        )
