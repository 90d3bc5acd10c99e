"""The run folder: what a run was asked to do, so that it can be resumed, and what must not have changed meanwhile."""

import dataclasses
import json
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from workbench import Hold, claimed_folder, hold, is_vacant, make_folder, read_object, write_text

from ..image_data import ImageData, load_images
from ..settings import Recipe, TrainSettings, recipe_for

FORMAT = 1
RUNS, BEGIN = Path("runs"), "mnist-"
CHANGEABLE = {"out", "resume", "device", "log_every", "mnist_root"}
"""Settings that a resumed run may have otherwise. The data may have moved: its fingerprint decides."""


@dataclass(frozen=True)
class RunRecord:
    """The content of `run.json`."""

    folder: Path
    settings: TrainSettings
    """As they were given."""
    recipe: Recipe
    data: dict[str, Any]
    versions: dict[str, str]

    @property
    def seed(self) -> int:
        return self.settings.seed or 0

    def claimed(self, *, resumed: bool) -> tuple["RunRecord", Hold]:
        """The record with its folder made and held for this process; ValueError where another one holds it.

        Without --out each of several runs that begin at once gets a folder of its own.
        """
        if resumed:
            return self, hold(self.folder)
        if self.settings.out is None:
            folder = claimed_folder(RUNS, BEGIN)
            return dataclasses.replace(self, folder=folder), hold(folder)
        make_folder(self.folder)
        held = hold(self.folder)
        try:
            _free_folder(self.folder)  # meanwhile another one may have begun here, and ended
        except ValueError:
            held.release()
            raise
        return self, held

    def write(self) -> None:
        """The folder counts as a run by the presence of `run.json`."""
        content = {"format": FORMAT, **dataclasses.asdict(self)}
        del content["folder"]
        write_text(self.folder / "run.json", json.dumps(content, indent=2, default=str) + "\n")


def open_run(settings: TrainSettings) -> tuple[RunRecord, ImageData]:
    """The record and the data of a new run, or of the one to resume; nothing is written yet."""
    return _new(settings) if settings.resume is None else _continue(settings, settings.resume)


def _new(settings: TrainSettings) -> tuple[RunRecord, ImageData]:
    recipe, folder = recipe_for(settings), _free_folder(settings.out)
    data = load_images(settings, recipe)
    described = {
        "name": data.name,
        "fingerprint": data.fingerprint,
        **{side: len(getattr(data, side)) for side in ("train", "validation", "test")},
    }
    versions = {name: metadata.version(name) for name in ("torch", "mnist_trainer")}
    return RunRecord(folder, settings, recipe, described, {"python": platform.python_version(), **versions}), data


def _continue(asked: TrainSettings, folder: Path) -> tuple[RunRecord, ImageData]:
    record = _read(folder)
    for name, was in dataclasses.asdict(record.settings).items():
        wanted = getattr(asked, name)
        if name not in CHANGEABLE and wanted is not None and wanted != was:
            option = "--" + name.replace("_", "-")
            raise ValueError(
                f"{option}: wanted {'none' if was is None else was}, as the run in {folder} was started, got {wanted}; "
                f"leave {option} out to resume, or start a new run with --out"
            )
    root = asked.mnist_root or record.settings.mnist_root
    now = dataclasses.replace(record.settings, device=asked.device, log_every=asked.log_every, mnist_root=root)
    record = dataclasses.replace(record, settings=now)
    data = load_images(record.settings, record.recipe)
    if data.fingerprint != record.data["fingerprint"]:
        raise ValueError(
            f"{folder}: wanted the images that it learned from (fingerprint {record.data['fingerprint'][:12]}), got "
            f"others from {data.name} ({data.fingerprint[:12]}); bring them back, or start a new run with --out"
        )
    return record, data


def _read(folder: Path) -> RunRecord:
    path = folder / "run.json"
    if not path.is_file():
        what = "a folder without run.json" if folder.is_dir() else "no such folder"
        raise ValueError(f"--resume {folder}: wanted a run folder, got {what}; give the one that mnist-trainer printed")
    content = read_object(path)
    try:
        found = content.pop("format")
        if found != FORMAT:
            raise ValueError(f"{path}: wanted format {FORMAT}, got {found}; resume with the version that began it")
        given = content.pop("settings")
        paths = {name: given[name] and Path(given[name]) for name in ("mnist_root", "out", "resume")}
        settings = TrainSettings(**{**given, **paths})
        return RunRecord(folder=folder, settings=settings, recipe=Recipe(**content.pop("recipe")), **content)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: wanted the record of a run, got something else ({error!r}); was it edited? Start a new run"
        ) from None


def _free_folder(out: Path | None) -> Path:
    if out is None:
        return RUNS / f"{BEGIN}001"  # or the next, by the time that it is claimed
    if (out / "run.json").exists():
        raise ValueError(
            f"--out {out}: wanted a new folder, got one that holds a run; resume it with --resume {out}, or "
            "name another"
        )
    if out.exists() and (not out.is_dir() or not is_vacant(out)):
        raise ValueError(f"--out {out}: wanted a new or empty folder, got one with other things in it; name another")
    return out
