"""The run folder: what a run was asked to do, so that it can go on."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import GPT2Config
from ..machine.processes import by_first
from ..recipes import Recipe
from ..tokenizer.tokenizer import Tokenizer
from .settings import TrainSettings, of_the_run

FORMAT = 1


@dataclass(frozen=True)
class RunRecord:
    """The content of `run.json`."""

    folder: Path
    recipe: Recipe
    seed: int
    text: str | None
    evaluate_every: int
    save_every: int
    log_every: int
    settings: TrainSettings
    """As they were given, for comparison on resume; those of one start only (`NOT_OF_THE_RUN`) have their defaults."""
    data: dict[str, Any]
    """Name, fingerprint and bytes of the text; fingerprint of the tokenizer."""
    versions: dict[str, str]
    precision: str = "float32"
    """How it multiplies: never "auto", but what that meant when the run began."""
    compiled: bool = False
    """Whether its steps are."""

    def write(self, tokenizer: Tokenizer) -> None:
        """Make the run folder: the tokenizer, then `run.json`, by whose presence a folder counts as a run.

        Of several processes the first does; the others wait for it."""
        by_first(lambda: self._write(tokenizer))

    def _write(self, tokenizer: Tokenizer) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(self.folder / "tokenizer", n_ctx=self.recipe.config.n_ctx)
        content = {"format": FORMAT, **dataclasses.asdict(self), "settings": of_the_run(self.settings)}
        del content["folder"]
        aside = self.folder / "run.json.part"
        aside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        aside.replace(self.folder / "run.json")


def read_record(folder: Path) -> RunRecord:
    """The record of a run folder; ValueError if it is none, or of another format."""
    path = folder / "run.json"
    if not path.is_file():
        what = "a folder without run.json" if folder.is_dir() else "no such folder"
        raise ValueError(f"--resume {folder}: wanted a run folder, got {what}; give the folder that `train` printed")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if "format" not in content:
            raise ValueError(
                f"{path}: wanted the record of a run of `train`, got one without a format; it may be the run of "
                f"another command, then resume it with that"
            )
        found = content.pop("format")
        if found != FORMAT:
            raise ValueError(f"{path}: wanted format {FORMAT}, got {found}; resume with the version that began it")
        shape = GPT2Config(**content["recipe"].pop("config"))
        recipe = Recipe(config=shape, **content.pop("recipe"))
        given = TrainSettings(**content.pop("settings"))
        return RunRecord(folder=folder, recipe=recipe, settings=given, **content)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path}: wanted the record of a run, got something else ({error!r}); was it edited, or "
            f"is it the run of another command? Resume it with the command that began it"
        ) from None


def free_folder(out: Path | None) -> Path:
    """`out`, or the next free of runs/001, runs/002, …; ValueError for a folder that holds something.

    What a process leaves that was killed while it made the folder counts as nothing."""
    if out is None:
        taken = {path.name for path in Path("runs").glob("*")}
        return Path("runs") / next(name for number in range(1, 10**6) if (name := f"{number:03d}") not in taken)
    if (out / "run.json").exists():
        raise ValueError(
            f"--out {out}: wanted a new folder, got one that holds a run; resume it with --resume {out} "
            f"(with the command that began it), or name another"
        )
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out}: wanted a new or empty folder, got a file; name another")
    if out.exists() and not _is_beginning(out):
        raise ValueError(f"--out {out}: wanted a new or empty folder, got one with other things in it; name another")
    return out


def _is_beginning(folder: Path) -> bool:
    """Whether a folder without run.json holds nothing but what comes before it (with --from a first checkpoint)."""
    names = {path.name for path in folder.iterdir()}
    first = {path.name for path in (folder / "checkpoints").glob("*")} - {"latest", "best", ".latest.new", ".best.new"}
    return names <= {"tokenizer", "run.json.part", "checkpoints"} and all("step-000000" in name for name in first)
