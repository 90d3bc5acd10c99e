"""`tune`: a model learns the answers of examples, as the settings of `finetuning tune` say.

for step in tune(TuneSettings(source="runs/001/model", data=Path("examples.jsonl"))):
    print(step.number, step.loss)
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

import gpt2
from dataio import split_by_content
from gpt2 import GPT2, Tokenizer, Trained
from tensors import choose_device
from workbench import Hold, digest, hold, with_expanded_paths

from .curriculum import ExampleCurriculum, rows_an_epoch
from .examples import Example, Examples, read_examples
from .files.chat import read_template
from .files.peft import base_checksum
from .files.records import read_records
from .judging import judge
from .running.forgetting import old_scores
from .running.record import TuneRecord, claimed, read_record, versions
from .running.settings import TuneSettings, check
from .running.trained import trained_model
from .templates import Template

HELD_OUT = 0.1
"""Share of the examples to judge by, where no file of them is given."""


class TuneRun(gpt2.Run):
    """A run that learns answers: with what is known of its model, its examples and its template."""

    record: TuneRecord
    curriculum: ExampleCurriculum
    model: GPT2

    def __init__(
        self,
        record: TuneRecord,
        tokenizer: Tokenizer,
        curriculum: ExampleCurriculum,
        trained: Trained,
        examples: Examples,
        **options: Any,
    ) -> None:
        super().__init__(record, curriculum, trained, **options)
        self.tokenizer, self.examples = tokenizer, examples

    def begin(self) -> None:
        """A new run: what it is like before the first step, then its record."""
        self.validation = self.evaluate()
        self.record.write()


def tune(settings: TuneSettings, should_stop: Callable[[], bool] | None = None) -> TuneRun:
    """Prepare a run, new or resumed; iterating over the result trains.

    should_stop: asked after every step; True saves a checkpoint and ends the iteration.

    Raises ValueError or OSError for what is wrong with settings, model, examples, folder or device, before anything is
    written; InUse, a ValueError, for a folder that another process works in.
    """
    check(settings)
    settings = with_expanded_paths(settings)
    device = choose_device(settings.device)
    if settings.resume is not None:
        earlier = read_record(settings.resume)
        with _released(hold(settings.resume, shared=True)) as held:
            return _prepared(earlier.settings, settings, device, held.path, earlier, held, should_stop)
    with claimed(settings.out) as held:
        return _prepared(settings, settings, device, held.path, None, held, should_stop)


class _released:
    """Gives a hold back where the `with` ends in an error."""

    def __init__(self, held: Hold) -> None:
        self.held = held

    def __enter__(self) -> Hold:
        return self.held

    def __exit__(self, kind: Any, *error: object) -> None:
        if kind is not None:
            self.held.release()


def _prepared(
    settings: TuneSettings,
    now: TuneSettings,
    device: torch.device,
    folder: Path,
    earlier: TuneRecord | None,
    held: Hold,
    should_stop: Callable[[], bool] | None,
) -> TuneRun:
    """The run of a folder that is held. settings: those that it began with; now: those of this start."""
    assert settings.source is not None
    assert settings.data is not None
    base, tokenizer = gpt2.load(settings.source)
    template = Template() if settings.template is None else read_template(settings.template)
    examples, learned, judged = _examples(settings, tokenizer, template, base.n_ctx)
    micro_batch_size = now.micro_batch_size or settings.micro_batch_size
    rows = rows_an_epoch(learned, base.n_ctx)
    steps = settings.steps or max(1, round(settings.epochs * -(-rows // min(settings.batch_size, rows))))
    every = settings.evaluate_every or -(-steps // 5)
    facts: dict[str, Any] = {
        "base": {"source": str(settings.source), "sha256": base_checksum(base)},
        "data": {
            "learned": digest([[*example.ids, *map(int, example.learned)] for example in learned]),
            "held_out": digest([[*example.ids, *map(int, example.learned)] for example in judged]),
        },
    }
    if earlier is None:
        before = {"answers": asdict(judge(base, judged)), "old": old_scores(base, tokenizer)}
        save_every = settings.save_every or every
        record = TuneRecord(
            folder, settings, steps, every, save_every, now.log_every, before=before, versions=versions(), **facts
        )
    else:
        _check_same(earlier, facts)
        record = earlier
    curriculum = ExampleCurriculum(
        learned, judged, base.n_ctx, settings.batch_size, record.steps, settings.seed, micro_batch_size
    )
    chat = template if settings.template is not None or examples.conversations else None
    trained = trained_model(record, base, tokenizer, chat, device)
    run = TuneRun(record, tokenizer, curriculum, trained, examples, held=held, should_stop=should_stop)
    run.begin() if earlier is None else run.restore()
    return run


def _examples(
    settings: TuneSettings, tokenizer: Tokenizer, template: Template, n_ctx: int
) -> tuple[Examples, tuple[Example, ...], tuple[Example, ...]]:
    """All examples of --data, those to learn from and those to judge by."""
    assert settings.data is not None
    found = read_examples(read_records(settings.data), tokenizer, template, n_ctx)
    if settings.held_out is not None:
        return found, found.fitting, read_examples(read_records(settings.held_out), tokenizer, template, n_ctx).fitting
    try:
        sides = split_by_content([(np.array(example.ids),) for example in found.fitting], HELD_OUT)
    except ValueError:
        raise ValueError(
            f"{settings.data}: wanted at least two different examples, one to judge by, got {len(found.fitting)}; "
            f"add some, or give others with --held-out"
        ) from None
    learned, judged = (tuple(found.fitting[number] for number in side.indices) for side in sides)
    return found, learned, judged


def _check_same(earlier: TuneRecord, facts: dict[str, Any]) -> None:
    """ValueError where the model or the examples of a run have changed since it began."""
    for name, what in (("base", f"the model {earlier.base['source']}"), ("data", f"{earlier.settings.data}")):
        then, now = getattr(earlier, name), facts[name]
        if changed := [key for key in now if then.get(key) != now[key]]:
            raise ValueError(
                f"{earlier.folder}: wanted {what} as when the run began ({changed[0]} {then.get(changed[0])}), got "
                f"another ({now[changed[0]]}); bring it back, or begin a new run"
            )
