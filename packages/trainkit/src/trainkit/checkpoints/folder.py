"""Which checkpoints a folder holds, which of them to try first, and which may go."""

import math
import shutil
from pathlib import Path

from workbench import sync, write_text

from . import manifest

STAGED, REPLACED = ".saving-", ".replaced-"


class CheckpointFolder:
    """FOLDER/step-000200/ and the pointers FOLDER/latest and FOLDER/best: one line each, the name of a checkpoint."""

    def __init__(self, folder: str | Path):
        self.path = Path(folder)

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, valid or not, ascending."""
        names = [path.name for path in self.path.glob("step-*") if path.is_dir()]
        return sorted(int(name[5:]) for name in names if name[5:].isdecimal())

    def of(self, step: int) -> Path:
        return self.path / f"step-{step:06d}"

    def staged(self, step: int) -> Path:
        return self.path / f"{STAGED}{self.of(step).name}"

    def replaced(self, step: int) -> Path:
        return self.path / f"{REPLACED}{self.of(step).name}"

    def tidy(self) -> None:
        """Before writing: remove what a killed process left half done."""
        self.put_back()
        for leftover in self.path.glob(f"{STAGED}*"):
            shutil.rmtree(leftover)
        for torn in self.path.glob(".*.part-*"):  # of a pointer
            torn.unlink()

    def was_left_between_renames(self) -> bool:
        return any(self.path.glob(f"{REPLACED}*"))

    def put_back(self) -> None:
        """A process killed between two renames: the replaced folder gets its name back if its successor never came."""
        for path in self.path.glob(f"{REPLACED}*"):
            final = self.path / path.name.removeprefix(REPLACED)
            shutil.rmtree(path) if final.exists() else path.rename(final)
            sync(self.path)

    def candidates(self, which: str | int) -> list[int]:
        """Steps to try for "latest", "best" or a number, the first choice first; ValueError for anything else."""
        steps = self.steps()
        if isinstance(which, int):
            return [step for step in steps if step == which]
        if which == "best":
            return self._by_score()
        if which != "latest":
            raise ValueError(f'wanted "latest", "best" or the number of a step, got {which!r}; present: {steps}')
        # Steps after the pointer were left behind by a run that was continued from an earlier one: last resort.
        pointed = self._pointed(steps)
        return sorted(steps, key=lambda step: (step <= pointed, step), reverse=True)

    def _by_score(self) -> list[int]:
        """Steps with a finite score, the lowest first, of equal ones the earlier: what a NaN or an infinity measured
        is never the best, for the pointer and for `load("best")` alike."""
        scores = {step: manifest.score(self.of(step)) for step in self.steps()}
        finite = [(score, step) for step, score in scores.items() if score is not None and math.isfinite(score)]
        return [step for _, step in sorted(finite)]

    def _pointed(self, steps: list[int]) -> int:
        try:
            name = (self.path / "latest").read_text().strip()
        except (OSError, UnicodeDecodeError):
            name = ""
        return next((step for step in steps if self.of(step).name == name), max(steps, default=0))

    def point_at(self, newest: Path) -> int | None:
        """Move `latest`, and `best` if there is one; returns the step of the best."""
        write_text(self.path / "latest", f"{newest.name}\n")
        best = next(iter(self._by_score()), None)
        if best is not None:
            write_text(self.path / "best", f"{self.of(best).name}\n")
        return best

    def remove_old(self, newest: int, keep: int, best: int | None) -> None:
        past = [step for step in self.steps() if step <= newest]
        for step in past[:-keep]:
            if step != best:
                shutil.rmtree(self.of(step))
