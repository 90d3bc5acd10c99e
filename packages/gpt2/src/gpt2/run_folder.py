"""The run folder: what a run was asked to do, so that it can go on, and what must not have changed meanwhile."""

import dataclasses
import json
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from .config import GPT2Config
from .recipes import Recipe, recipe
from .settings import TrainSettings
from .tokenizer import Tokenizer
from .training_text import TrainingText, prepare_text, read_corpus

FORMAT = 1
CHANGEABLE = {"out", "resume", "device", "micro_batch_size", "log_every"}
"""Settings that a resumed run may have otherwise: they change where and how it runs, not what it learns."""


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
    settings: dict[str, Any]
    """As they were given, for comparison on resume."""
    data: dict[str, Any]
    """Name, fingerprint and bytes of the text; fingerprint of the tokenizer."""
    versions: dict[str, str]

    def write(self, tokenizer: Tokenizer) -> None:
        """Make the run folder: the tokenizer, then `run.json`, by whose presence a folder counts as a run."""
        self.folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(self.folder / "tokenizer", n_ctx=self.recipe.config.n_ctx)
        content = {"format": FORMAT, **dataclasses.asdict(self), "folder": None}
        del content["folder"]
        aside = self.folder / "run.json.part"
        aside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        aside.replace(self.folder / "run.json")


def open_run(
    settings: TrainSettings, source: tuple[GPT2Config, Tokenizer] | None = None
) -> tuple[RunRecord, TrainingText]:
    """The record and the text of a new run, or of the one to resume; nothing is written yet.

    source: shape and tokenizer of the model that a new run starts from."""
    return _new(settings, source) if settings.resume is None else _continue(settings, settings.resume)


def resolve(settings: TrainSettings) -> Recipe:
    """The named recipe with what the settings change."""
    chosen = recipe(settings.recipe or ("quick" if settings.source is None else "finetune")).replace(
        steps=settings.steps,
        batch_size=settings.batch_size,
        warmup=settings.warmup,
    )
    if settings.learning_rate is None:
        return chosen
    # The two rates of a recipe belong together: one number scales both.
    scale = settings.learning_rate / chosen.learning_rate
    return chosen.replace(learning_rate=settings.learning_rate, adam_learning_rate=chosen.adam_learning_rate * scale)


def _new(settings: TrainSettings, source: tuple[GPT2Config, Tokenizer] | None) -> tuple[RunRecord, TrainingText]:
    chosen, known = resolve(settings), None
    if source is not None:
        chosen, known = chosen.replace(config=source[0], zero_output=False), source[1]
    folder = _free_folder(settings.out)
    text = prepare_text(read_corpus(settings.text), chosen, settings.tokenizer or chosen.tokenizer, known)
    evaluate_every = settings.evaluate_every or -(-chosen.steps // chosen.evaluations)
    given = {name: value for name, value in dataclasses.asdict(settings).items() if name not in CHANGEABLE}
    record = RunRecord(
        folder,
        chosen,
        settings.seed or 0,
        settings.text,
        evaluate_every,
        settings.save_every or evaluate_every,
        settings.log_every or 10,
        given,
        {
            "name": text.name,
            "fingerprint": text.fingerprint,
            "train_bytes": text.train_bytes,
            "held_out_bytes": text.held_out_bytes,
            "tokenizer": text.tokenizer.fingerprint,
        },
        {"python": platform.python_version()} | {name: metadata.version(name) for name in ("torch", "gpt2")},
    )
    return record, text


def _continue(settings: TrainSettings, folder: Path) -> tuple[RunRecord, TrainingText]:
    record = read_record(folder)
    asked = dataclasses.asdict(settings)
    for name, was in ({"source": None} | record.settings).items():
        # A path may be spelled otherwise, or the text have moved: its fingerprint decides.
        if name != "text" and asked.get(name) is not None and asked[name] != was:
            option = "--from" if name == "source" else "--" + name.replace("_", "-")
            raise ValueError(
                f"{option}: wanted {was if was is not None else 'none'}, as the run in {folder} was started, got "
                f"{asked[name]}; leave {option} out to resume, or start a new run with --out"
            )
    corpus = read_corpus(settings.text or record.text)
    if corpus.fingerprint != record.data["fingerprint"]:
        now, then = platform.python_version(), record.versions.get("python")
        reason = f"Python {then}'s embedded text, and this is {now}" if record.text is None else "the text was changed"
        raise ValueError(
            f"{folder}: wanted the text it was trained on (fingerprint {record.data['fingerprint'][:12]}), got "
            f"{corpus.name} ({corpus.fingerprint[:12]}): {reason}; bring the text back, or start a new run"
        )
    tokenizer = Tokenizer.load(folder / "tokenizer")
    if tokenizer.fingerprint != record.data["tokenizer"]:
        raise ValueError(
            f"{folder / 'tokenizer'}: wanted the tokenizer of the run ({record.data['tokenizer'][:12]}), got another "
            f"({tokenizer.fingerprint[:12]}); copy back vocab.json and merges.txt from one of its checkpoints"
        )
    record = dataclasses.replace(record, log_every=settings.log_every or record.log_every)
    return record, prepare_text(corpus, record.recipe, "own", known=tokenizer)


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
        return RunRecord(folder=folder, recipe=Recipe(config=shape, **content.pop("recipe")), **content)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path}: wanted the record of a run, got something else ({error!r}); was it edited, or "
            f"is it the run of another command? Resume it with the command that began it"
        ) from None


def _free_folder(out: Path | None) -> Path:
    if out is None:
        taken = {path.name for path in Path("runs").glob("*")}
        return Path("runs") / next(name for number in range(1, 10**6) if (name := f"{number:03d}") not in taken)
    if (out / "run.json").exists():
        raise ValueError(
            f"--out {out}: wanted a new folder, got one that holds a run; go on with it by --resume {out} "
            f"(with the command that began it), or name another"
        )
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out}: wanted a new or empty folder, got a file; name another")
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"--out {out}: wanted a new or empty folder, got one with other things in it; name another")
    return out
