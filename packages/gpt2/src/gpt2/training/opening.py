"""A new run from settings, or an earlier one to resume, compared with what must not have changed meanwhile."""

import dataclasses
import platform
from importlib import metadata
from pathlib import Path
from shlex import quote
from typing import Any

from trainkit import rank
from workbench import Hold, hold

from ..config import GPT2Config
from ..machine.bits import bit_conditions, compare_bit_conditions
from ..machine.precision import choose_precision
from ..machine.processes import by_first, own_device
from ..recipes import Recipe
from ..texts.prepared import TrainingText
from ..texts.sources import IN_MEMORY, new_text, source_text
from ..tokenizer.tokenizer import Tokenizer
from .recipe_fields import DECIDED_APART, SHAPE, TRAINING, value_of
from .recipe_file import chosen_recipe
from .record import RunRecord, check_free, claimed, read_record, settings_of
from .resolved import resolved
from .settings import CHANGEABLE, TrainSettings, left_out, of_the_run


def open_run(
    settings: TrainSettings, shape: GPT2Config | None = None, known: Tokenizer | None = None
) -> tuple[RunRecord, TrainingText, Hold | None]:
    """The record and the text of a new run, or of the one to resume, and the hold on its folder; nothing is written
    in it yet.

    shape, known: of the model that a new run starts from, and its tokenizer.

    Of several processes the first opens and holds it; the others take its record and its tokenizer, and read the text.
    Raises InUse, a ValueError, for a folder that another process works in."""
    opened: list[tuple[TrainingText, Hold]] = []

    def work() -> tuple[RunRecord, tuple[Any, ...]]:
        if settings.resume is None:
            record, text = _begin(settings, shape, known)
            with claimed(settings.out) as held:
                record = dataclasses.replace(record, folder=held.path)
        else:
            record, text, held = _held(settings, settings.resume)
        opened.append((text, held))
        return record, (text.tokenizer.ranks, text.tokenizer.facts)

    record, (ranks, facts) = by_first(work)
    tokenizer = Tokenizer(ranks, **facts)
    return record, *(opened[0] if opened else (_read_as_first(settings, record, tokenizer), None))


def _held(settings: TrainSettings, folder: Path) -> tuple[RunRecord, TrainingText, Hold]:
    read_record(folder)  # or it says that this is no run
    held = hold(folder, shared=True)
    try:
        record, text = _resume(settings, folder)
        if not (folder / "model").is_dir():  # a finished run computes nothing any more
            now = _conditions(settings, record.recipe, record.precision, record)
            if other := compare_bit_conditions(record.bits, now, folder, settings.same_bits, record.other_bits):
                record = dataclasses.replace(record, other_bits={**record.other_bits, **other})
                record.write_json()
        return record, text, held
    except BaseException:
        held.release()
        raise


def _read_as_first(settings: TrainSettings, record: RunRecord, tokenizer: Tokenizer) -> TrainingText:
    text = resumed_text(settings, record, tokenizer)
    if text.fingerprint != record.data["fingerprint"]:
        raise ValueError(
            f"text: wanted the one that the first process reads ({record.data['fingerprint'][:12]}), got another in "
            f"process {rank()} ({text.fingerprint[:12]}); give all of them the same files"
        )
    return text


def _check_shape_is_free(settings: TrainSettings, tokenizer: Tokenizer | str) -> None:
    """ValueError for a part of the shape that is asked for, but comes with a source or a tokenizer."""
    for name in (*SHAPE, "zero_output", "bigram_start", "sinusoid_start"):
        if settings.source is not None and (asked := getattr(settings, name)) is not None:
            option = "--" + name.replace("_", "-")
            raise ValueError(f"{option}: wanted that of the model with --from, got {asked}; leave {option} out")
    if settings.n_vocab is not None and tokenizer != "own":
        raise ValueError(
            f"--n-vocab: wanted the ids of the tokenizer, which has its own, got {settings.n_vocab}; leave --n-vocab "
            "out, or train a tokenizer with --tokenizer own"
        )


def _begin(
    settings: TrainSettings, shape: GPT2Config | None, known: Tokenizer | None
) -> tuple[RunRecord, TrainingText]:
    check_free(settings.out)
    chosen_recipe(settings.recipe or "quick")  # an unknown one is refused before a text is read
    found = source_text(settings.text, settings.field)
    chosen = resolved(settings, found.n_bytes or IN_MEMORY)
    tokenizer = known or settings.tokenizer or chosen.tokenizer
    _check_shape_is_free(settings, tokenizer)
    if shape is not None:
        chosen = chosen.replace(config=shape, zero_output=False, bigram_start=False, sinusoid_start=False)
    text = new_text(found, chosen, tokenizer)
    precision = choose_precision(settings.precision or chosen.precision, own_device(settings.device))
    evaluate_every = settings.evaluate_every or -(-chosen.steps // chosen.evaluations)
    record = RunRecord(
        settings.out or Path(),
        chosen,
        settings.seed or 0,
        settings.text,
        evaluate_every,
        settings.save_every or evaluate_every,
        settings.log_every or 10,
        settings_of(of_the_run(settings)),
        {
            "name": text.name,
            "fingerprint": text.fingerprint,
            "train_bytes": text.train_bytes,
            "held_out_bytes": text.held_out_bytes,
            "held_out_how": text.held_out_how,
            "tokenizer": text.tokenizer.fingerprint,
        },
        {"python": platform.python_version()} | {name: metadata.version(name) for name in ("torch", "gpt2")},
        precision,
        bits=_conditions(settings, chosen, precision),
    )
    return record, text


def _conditions(
    settings: TrainSettings, chosen: Recipe, precision: str, earlier: RunRecord | None = None
) -> dict[str, Any]:
    asked = settings.micro_batch_size or (earlier.settings.micro_batch_size if earlier else None)
    windows = min(asked or chosen.batch_size, chosen.batch_size)
    return bit_conditions(own_device(settings.device), precision, windows)


def reopen(folder: Path, text: str | None = None) -> tuple[RunRecord, TrainingText]:
    """The record and the text of an earlier run; `text` where the run would not find it any more."""
    return _resume(TrainSettings(text=text), folder)


def _resume(settings: TrainSettings, folder: Path) -> tuple[RunRecord, TrainingText]:
    record = read_record(folder)
    _check_same(settings, record)
    tokenizer = Tokenizer.load(folder / "tokenizer")
    if tokenizer.fingerprint != record.data["tokenizer"]:
        raise ValueError(
            f"{folder / 'tokenizer'}: wanted the tokenizer of the run ({record.data['tokenizer'][:12]}), got another "
            f"({tokenizer.fingerprint[:12]}); copy back vocab.json and merges.txt from one of its checkpoints"
        )
    record = dataclasses.replace(record, log_every=settings.log_every or record.log_every)
    text = resumed_text(settings, record, tokenizer)
    if text.fingerprint != record.data["fingerprint"]:
        now, then = platform.python_version(), record.versions.get("python")
        reason = f"Python {then}'s embedded text, and this is {now}" if record.text is None else "the text was changed"
        raise ValueError(
            f"{folder}: wanted the text it was trained on (fingerprint {record.data['fingerprint'][:12]}), got "
            f"{text.name} ({text.fingerprint[:12]}): {reason}; bring the text back, or start a new run"
        )
    return record, text


def _check_same(settings: TrainSettings, record: RunRecord) -> None:
    """ValueError for a setting that is given now and was another when the run began."""
    meant = {"precision": record.precision, "compile": "on" if record.compiled else "off"}
    meant |= {name: value_of(record.recipe, name) for name in (*SHAPE, *TRAINING) if name not in DECIDED_APART}
    given, unasked = of_the_run(settings), left_out(settings)
    for name, was in (of_the_run(record.settings) | meant).items():
        asked = given[name]
        if name in meant and asked == "auto":
            continue  # it was decided when the run began
        # A path may be spelled otherwise, or the text have moved: its fingerprint decides.
        if name not in {"text", *CHANGEABLE, *unasked} and asked != was:
            if name == "steps":
                raise ValueError(_longer(settings, record))
            option = "--from" if name == "source" else "--" + name.replace("_", "-")
            raise ValueError(
                f"{option}: wanted {was if was is not None else 'none'}, as the run in {record.folder} was started, "
                f"got {asked}; leave {option} out to resume, or start a new run with --out"
            )


def _longer(settings: TrainSettings, record: RunRecord) -> str:
    """What to do for another number of steps: the learning rate of a run falls over those that it began with."""
    given = {"steps": settings.steps, "text": settings.text or record.text, "field": record.settings.field}
    options = " ".join(f"--{name} {quote(str(value))}" for name, value in given.items() if value is not None)
    first, then = ("", "") if (record.folder / "model").is_dir() else (" it to its end", " then")
    return (
        f"--steps: wanted the {record.recipe.steps} of the run in {record.folder}, over which its learning rate falls, "
        f"got {settings.steps}; leave --steps out to resume{first}, or train longer in a new run from its result"
        f"{then}: --from {quote(str(record.folder / 'model'))} {options}"
    )


def resumed_text(settings: TrainSettings, record: RunRecord, tokenizer: Tokenizer) -> TrainingText:
    """The text of a run that has begun, wherever it is now."""
    return new_text(source_text(settings.text or record.text, record.settings.field), record.recipe, tokenizer)
