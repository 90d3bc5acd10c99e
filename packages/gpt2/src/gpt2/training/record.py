"""The run folder: what a run was asked to do, so that it can go on."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import Hold, check_kinds, claimed_folder, hold, make_folder, parse_object, whole_folder, write_text

from ..config import GPT2Config
from ..machine.processes import by_first
from ..recipes import Recipe
from ..tokenizer.tokenizer import Tokenizer
from .recipe_file import known_name
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
    bits: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What the last bits of its weights depended on when it began (`machine.bits`); earlier versions wrote nothing."""
    other_bits: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What of it was otherwise at a resume, as it was last."""

    def write(self, tokenizer: Tokenizer) -> None:
        """Make the run folder: the tokenizer, then `run.json`, by whose presence a folder counts as a run.

        Of several processes the first does; the others wait for it."""
        by_first(lambda: self._write(tokenizer))

    def _write(self, tokenizer: Tokenizer) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_folder(self.folder / "tokenizer") as folder:
            tokenizer.save(folder, n_ctx=self.recipe.config.n_ctx)
        self.write_json()

    def write_json(self) -> None:
        """Write `run.json` alone, in the place of an earlier one."""
        content = {"format": FORMAT, **dataclasses.asdict(self), "settings": of_the_run(self.settings)}
        del content["folder"]
        write_text(self.folder / "run.json", json.dumps(content, indent=2) + "\n")


def settings_of(written: dict[str, Any]) -> TrainSettings:
    """The settings that `of_the_run` wrote down."""
    which = written.get("recipe")
    return TrainSettings(**{**written, "recipe": known_name(which) if isinstance(which, str) else which})


def read_record(folder: Path) -> RunRecord:
    """The record of a run folder; ValueError if it is none, or of another format."""
    path = folder / "run.json"
    if not path.is_file():
        what = "a folder without run.json" if folder.is_dir() else "no such folder"
        raise ValueError(f"--resume {folder}: wanted a run folder, got {what}; give the folder that `train` printed")
    try:
        written = path.read_text(encoding="utf-8")
        if not written.strip("\0 \n"):
            raise ValueError(
                f"{path}: wanted the record of a run, got an empty file, as power cuts leave; the checkpoints may "
                f"be good: begin a new run from the newest with --from {folder}, or copy run.json back from a backup"
            )
        try:
            content = parse_object(written, "it")
        except ValueError as error:
            raise TypeError(str(error)) from None
        if "format" not in content:
            raise ValueError(
                f"{path}: wanted the record of a run of `train`, got one without a format; it may be the run of "
                f"another command, then resume it with that"
            )
        found = content.pop("format")
        if found != FORMAT:
            raise ValueError(f"{path}: wanted format {FORMAT}, got {found}; resume with the version that began it")
        shape = GPT2Config(**content["recipe"].pop("config"))
        # What earlier versions did: Muon in its plain form; long files in pieces from everywhere, else from the end.
        large = "(token files in " in str(content["data"].get("name"))
        before = {"held_out_from": "everywhere" if large else "end", "muon_gram": False}
        recipe = Recipe(config=shape, **{**before, **content.pop("recipe")})
        given = settings_of(content.pop("settings"))
        record = RunRecord(folder=folder, recipe=recipe, settings=given, **content)
        check_kinds(record)
        texts, numbers = ("name", "fingerprint", "tokenizer"), ("train_bytes", "held_out_bytes")
        if odd := [name for name in texts if not isinstance(record.data[name], str)]:
            raise TypeError(f"data.{odd[0]}: wanted a text, got {record.data[odd[0]]!r}")
        if odd := [name for name in numbers if type(record.data[name]) is not int]:
            raise TypeError(f"data.{odd[0]}: wanted a whole number, got {record.data[odd[0]]!r}")
        return record
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path}: wanted the record of a run, got something else ({error!r}); was it edited, or "
            f"is it the run of another command? Resume it with the command that began it"
        ) from None


def check_free(out: Path | None) -> None:
    """ValueError for a folder that a new run may not have, since it holds something.

    What a process leaves that was killed while it made the folder counts as nothing."""
    if out is None:
        return
    if (out / "run.json").exists():
        raise ValueError(
            f"--out {out}: wanted a new folder, got one that holds a run; resume it with --resume {out} "
            f"(with the command that began it), or name another"
        )
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out}: wanted a new or empty folder, got a file; name another")
    if out.exists() and not _is_beginning(out):
        raise ValueError(f"--out {out}: wanted a new or empty folder, got one with other things in it; name another")


@contextmanager
def claimed(out: Path | None) -> Iterator[Hold]:
    """A new run's folder, made and held: `out`, or the next free of runs/001, runs/002, …; of two that start together
    each gets its own. It stays held after the `with`, unless that ends in an error: then an empty one goes again.

    Raises InUse, a ValueError, where another process has begun a run in `out`."""
    if out is not None:
        make_folder(out)
    held = hold(claimed_folder("runs") if out is None else out)
    try:
        check_free(out)
        yield held
    except BaseException:
        held.release()
        with suppress(OSError):  # it is not empty, or another has it by now
            held.path.rmdir()
        raise


def _is_beginning(folder: Path) -> bool:
    """Whether a folder without run.json holds nothing but what comes before it (with --from a first checkpoint)."""
    names = {path.name for path in folder.iterdir()}
    first = {path.name for path in (folder / "checkpoints").glob("*")} - {"latest", "best", ".latest.new", ".best.new"}
    return all(_is_first(name) for name in names) and all("step-000000" in name for name in first)


def _is_first(name: str) -> bool:
    return name in {"tokenizer", "checkpoints", ".lock"} or name.startswith((".run.json.part-", ".tokenizer.part-"))
