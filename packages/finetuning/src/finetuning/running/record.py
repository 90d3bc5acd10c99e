"""`run.json` of a run: what it was asked to do, from what and on what, so that it can go on."""

import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from workbench import Hold, claimed_folder, hold, is_vacant, make_folder, read_object, write_text

from .settings import RunSettings, of_the_run

FORMAT = 1


@dataclass(frozen=True)
class TuneRecord:
    """The content of `run.json`, and where it lies."""

    folder: Path
    settings: RunSettings
    steps: int
    evaluate_every: int
    save_every: int
    log_every: int
    base: dict[str, str]
    """Where the model was found, and the SHA-256 of its tensors."""
    data: dict[str, Any]
    """SHA-256 of the examples and of the held-out ones."""
    before: dict[str, Any]
    """What the model knew before: of the task, and of the text by which forgetting is measured."""
    versions: dict[str, str] = field(default_factory=dict)
    bits: dict[str, Any] = field(default_factory=dict)
    """What the last bits of its weights depended on when it began (`gpt2.bit_conditions`)."""

    @property
    def precision(self) -> str:
        return self.settings.precision

    def write(self) -> None:
        """Write `run.json`, by whose presence a folder counts as a run."""
        content = {"finetuning": FORMAT, "command": self.settings.command, **asdict(self)}
        content["settings"] = of_the_run(self.settings)
        del content["folder"]
        write_text(self.folder / "run.json", json.dumps(content, indent=2) + "\n")


def versions() -> dict[str, str]:
    """Python's, torch's and this package's."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in ("torch", "finetuning")}


def read_record(folder: Path, kind: type[RunSettings]) -> TuneRecord:
    """The record of a run folder; ValueError for a folder that is none, or is another command's than that of `kind`."""
    content = read_run(folder)
    path, command = folder / "run.json", content.pop("command", "tune")
    if command != kind.command:
        raise ValueError(
            f"{path}: wanted a run of `finetuning {kind.command}`, got one of `finetuning {command}`; resume it with "
            f"that"
        )
    try:
        return TuneRecord(folder=folder, settings=settings_of(content.pop("settings"), kind), **content)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: wanted the record of a run, got something else ({error!r}); copy it back from a backup"
        ) from None


def read_run(folder: Path) -> dict[str, Any]:
    """The content of `run.json` without its format; ValueError for what is no run of this package."""
    path = folder / "run.json"
    if not path.is_file():
        what = "a folder without run.json" if folder.is_dir() else "no such folder"
        raise ValueError(f"--resume {folder}: wanted a run folder, got {what}; give the folder that was printed")
    content = read_object(path)
    found = content.pop("finetuning", None)
    if found is None:
        raise ValueError(f"{path}: wanted a run of `finetuning`, got one of another command; resume it with that")
    if found != FORMAT:
        raise ValueError(f"{path}: wanted format {FORMAT}, got {found}; resume with the version that began it")
    return content


def settings_of(given: Mapping[str, Any], kind: type[RunSettings]) -> RunSettings:
    """The settings that `run.json` holds."""
    paths = {name: Path(given[name]) for name in ("data", "held_out", "template") if given.get(name) is not None}
    return kind(**{**given, **paths, "targets": tuple(given["targets"])})


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
