"""Checkpoints that survive a crash: written aside, flushed, renamed; verified before they are trusted.

FOLDER/step-000200/     the parts' files, state.json, manifest.json with the SHA-256 of all of them
FOLDER/latest, best     one line each: the name of a folder
"""

import errno
import logging
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import manifest
from .durable import is_full, replace_folder, write_text
from .manifest import CheckpointError, Saved
from .parts import Part
from .ranks import from_first_rank, is_first_rank

logger = logging.getLogger(__name__)

STAGED, REPLACED = ".saving-", ".replaced-"


class Checkpoints:
    """Saves and loads `parts` (name -> Part) under `folder`; keeps the last `keep` checkpoints and the best."""

    def __init__(self, folder: str | Path, parts: Mapping[str, Part], *, keep: int = 2):
        if keep < 1:
            raise ValueError(f"wanted keep >= 1, got {keep}; a run needs at least its last checkpoint")
        self.folder, self.parts, self.keep = Path(folder), dict(parts), keep

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, valid or not, ascending."""
        names = [path.name for path in self.folder.glob("step-*") if path.is_dir()]
        return sorted(int(name[5:]) for name in names if name[5:].isdecimal())

    def save(self, step: int, score: Any = None, extra: dict[str, Any] | None = None) -> Path:
        """Write step-000200 and move `latest`, and `best` if the score is the lowest so far; `extra` is any JSON.

        `score` is a number or what `float()` takes, such as an Evaluation. On any error the earlier checkpoints stay
        and what was begun is removed; a full disk is an OSError with errno ENOSPC.
        """
        if not is_first_rank():
            return self._save_elsewhere(step)
        final = self._path(step)
        staged = final.with_name(STAGED + final.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._put_back()
        for leftover in self.folder.glob(f"{STAGED}*"):  # of a killed process
            shutil.rmtree(leftover)
        try:
            staged.mkdir()
            with manifest.writing(staged, step, None if score is None else float(score), extra or {}) as saving:
                for name, part in self.parts.items():
                    saving.add(name, part)
            replace_folder(staged, final, final.with_name(REPLACED + final.name))
            best = self._point_at(final)
        except BaseException as error:
            written = sum(path.stat().st_size for path in staged.rglob("*") if path.is_file())
            shutil.rmtree(staged, ignore_errors=True)
            if is_full(error):
                raise self._full(error, step, written) from error
            raise
        self._remove_old(step, best)
        from_first_rank(None)  # the others wait for it
        return final

    def _point_at(self, newest: Path) -> int | None:
        """Move `latest`, and `best` if there is one; returns the step of the best."""
        write_text(self.folder / "latest", newest.name)
        best = self._best(self.steps())
        if best is not None:
            write_text(self.folder / "best", self._path(best).name)
        return best

    def _save_elsewhere(self, step: int) -> Path:
        """Other processes take part in what the parts gather; files that theirs write are thrown away."""
        with TemporaryDirectory() as folder:
            for part in self.parts.values():
                part.save(Path(folder))
        from_first_rank(None)
        return self._path(step)

    def load(self, which: str | int = "latest") -> Saved:
        """Load into the parts and return what was saved with them; CheckpointError if nothing valid is there.

        "latest": the newest valid one, starting where the pointer `latest` says; "best": the valid one of lowest score.
        A corrupt one is skipped with a logged warning. A number asks for just that step.
        """
        found: Saved | CheckpointError | None = None
        if is_first_rank():
            try:
                found = self._find(which)
            except CheckpointError as error:
                found = error
        found = from_first_rank(found)
        if not isinstance(found, Saved):
            raise found or RuntimeError("the first process sent no checkpoint")
        for part in self.parts.values():
            part.load(found.path)
        return found

    def _find(self, which: str | int) -> Saved:
        self._put_back()
        for step in self._candidates(which):
            try:
                saved = manifest.verify_checkpoint(self._path(step))
            except CheckpointError as error:
                if isinstance(which, int):
                    raise
                logger.warning("skipping a checkpoint that cannot be trusted: %s", error)
                continue
            self._check_parts(saved)
            return saved
        raise CheckpointError(
            f"wanted a valid checkpoint ({which}) in {self.folder}, got steps {self.steps()}, none usable; "
            f"check the folder's name, or start a new run"
        )

    def _candidates(self, which: str | int) -> list[int]:
        steps = self.steps()
        if isinstance(which, int):
            return [step for step in steps if step == which]
        if which == "best":
            scored = [(score, step) for step in steps if (score := manifest.score(self._path(step))) is not None]
            return [step for _, step in sorted(scored)]
        if which != "latest":
            raise ValueError(f'wanted "latest", "best" or the number of a step, got {which!r}; present: {steps}')
        # Steps after the pointer were left behind by a run that was continued from an earlier one: last resort.
        pointed = self._pointed(steps)
        return sorted(steps, key=lambda step: (step <= pointed, step), reverse=True)

    def _pointed(self, steps: list[int]) -> int:
        try:
            name = (self.folder / "latest").read_text().strip()
        except (OSError, UnicodeDecodeError):
            name = ""
        return next((step for step in steps if self._path(step).name == name), max(steps, default=0))

    def _best(self, steps: list[int]) -> int | None:
        scores = {step: manifest.score(self._path(step)) for step in steps}
        finite = {step: score for step, score in scores.items() if score is not None and math.isfinite(score)}
        return min(finite, key=lambda step: (finite[step], step)) if finite else None

    def _remove_old(self, newest: int, best: int | None) -> None:
        past = [step for step in self.steps() if step <= newest]
        for step in past[: -self.keep]:
            if step != best:
                shutil.rmtree(self._path(step))

    def _put_back(self) -> None:
        """A process killed between two renames: the replaced folder gets its name back if its successor never came."""
        for path in self.folder.glob(f"{REPLACED}*"):
            final = self.folder / path.name.removeprefix(REPLACED)
            shutil.rmtree(path) if final.exists() else path.rename(final)

    def _check_parts(self, saved: Saved) -> None:
        if set(saved.parts) != set(self.parts):
            raise CheckpointError(
                f"wanted {saved.path} to hold the parts {sorted(self.parts)}, got {sorted(saved.parts)}; "
                f"build the run with the settings that it was saved with"
            )

    def _full(self, error: BaseException, step: int, written: int) -> OSError:
        earlier = [sum(path.stat().st_size for path in self._path(s).rglob("*")) for s in self.steps()]
        needed = max([written, *earlier]) / 1e6
        free = shutil.disk_usage(self.folder).free / 1e6
        return OSError(
            errno.ENOSPC,
            f"wanted room for the checkpoint of step {step}, at least {needed:.1f} MB, got {free:.1f} MB free after "
            f"{written / 1e6:.1f} MB were written and removed again; earlier checkpoints {self.steps()} are intact: "
            f"free some space and resume ({error})",
            str(self.folder),
        )

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:06d}"
