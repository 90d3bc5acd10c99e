"""`run.json` of a tuning run: what it was asked to do, from what and on what, so that it can go on."""

import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from workbench import Hold, claimed_folder, hold, is_vacant, make_folder, read_object, write_text

from .settings import TuneSettings, of_the_run

FORMAT = 1


@dataclass(frozen=True)
class TuneRecord:
    """The content of `run.json`, and where it lies."""

    folder: Path
    settings: TuneSettings
    steps: int
    evaluate_every: int
    save_every: int
    log_every: int
    base: dict[str, str]
    """Where the model was found, and the SHA-256 of its tensors."""
    data: dict[str, Any]
    """SHA-256 of the examples and of the held-out ones, and how many tokens of how many are learned."""
    before: dict[str, Any]
    """What the model knew before: of the answers that are held out, and of the text by which forgetting is measured."""
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def precision(self) -> str:
        return self.settings.precision

    def write(self) -> None:
        """Write `run.json`, by whose presence a folder counts as a run."""
        content = asdict(self) | {"finetuning": FORMAT, "settings": of_the_run(self.settings)}
        del content["folder"]
        write_text(self.folder / "run.json", json.dumps(content, indent=2) + "\n")


def versions() -> dict[str, str]:
    """Python's, torch's and this package's."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in ("torch", "finetuning")}


def read_record(folder: Path) -> TuneRecord:
    """The record of a run folder; ValueError for a folder that is none, or is another command's."""
    path = folder / "run.json"
    if not path.is_file():
        what = "a folder without run.json" if folder.is_dir() else "no such folder"
        raise ValueError(f"--resume {folder}: wanted a run folder, got {what}; give the folder that `tune` printed")
    content = read_object(path)
    found = content.pop("finetuning", None)
    if found is None:
        raise ValueError(f"{path}: wanted a run of `finetuning`, got one of another command; resume it with that")
    if found != FORMAT:
        raise ValueError(f"{path}: wanted format {FORMAT}, got {found}; resume with the version that began it")
    try:
        return TuneRecord(folder=folder, settings=_settings(content.pop("settings")), **content)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: wanted the record of a run, got something else ({error!r}); copy it back from a backup"
        ) from None


def _settings(given: Mapping[str, Any]) -> TuneSettings:
    paths = {name: Path(given[name]) for name in ("data", "held_out", "template") if given[name] is not None}
    return TuneSettings(**{**given, **paths, "targets": tuple(given["targets"])})


@contextmanager
def claimed(out: Path | None) -> Iterator[Hold]:
    """A new run's folder, made and held: `out`, or the next free of runs/001, runs/002, …. It stays held after the
    `with`, unless that ends in an error: then an empty one goes again. ValueError for a folder that holds something,
    InUse where another process works in it."""
    if out is not None:
        if (out / "run.json").exists():
            raise ValueError(
                f"--out {out}: wanted a new folder, got one that holds a run; resume it with --resume {out}, or name "
                f"another"
            )
        if out.exists() and not (out.is_dir() and is_vacant(out)):
            raise ValueError(f"--out {out}: wanted a new or empty folder, got something else; name another")
        make_folder(out)
    held = hold(claimed_folder("runs") if out is None else out)
    try:
        yield held
    except BaseException:
        held.release()
        with suppress(OSError):  # it is not empty, or another has it by now
            held.path.rmdir()
        raise
