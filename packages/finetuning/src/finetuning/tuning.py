"""`tune`: a model learns the answers of examples, as the settings of `finetuning tune` say.

for step in tune(TuneSettings(source="runs/001/model", data=Path("examples.jsonl"))):
    print(step.number, step.loss)
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from gpt2 import GPT2, Tokenizer, Trained
from workbench import digest

from .curriculum import ExampleCurriculum, rows_an_epoch
from .examples import Example, Examples, read_examples
from .files.chat import read_template
from .files.models import load_model
from .files.records import read_records
from .judging import judge
from .running.forgetting import old_scores
from .running.record import TuneRecord
from .running.settings import TuneSettings
from .running.starting import Start, TaskRun, started, two_sides
from .running.trained import trained_model
from .templates import Template


class TuneRun(TaskRun):
    """A run that learns answers: with what is known of its model, its examples and its template."""

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


def tune(settings: TuneSettings, should_stop: Callable[[], bool] | None = None) -> TuneRun:
    """Prepare a run, new or resumed; iterating over the result trains.

    should_stop: asked after every step; True saves a checkpoint and ends the iteration.

    Raises ValueError or OSError for what is wrong with settings, model, examples, folder or device, before anything is
    written; InUse, a ValueError, for a folder that another process works in.
    """
    return started(settings, lambda start: _prepared(start, should_stop))


def _prepared(start: Start[TuneSettings], should_stop: Callable[[], bool] | None) -> TuneRun:
    settings = start.settings
    assert settings.source is not None
    base, tokenizer = load_model(settings.source)
    template = Template() if settings.template is None else read_template(settings.template)
    examples, learned, judged = split_examples(settings, tokenizer, template, base.n_ctx)
    rows = rows_an_epoch(learned, base.n_ctx)
    record = start.record(
        base,
        {"learned": examples_digest(learned), "held_out": examples_digest(judged)},
        -(-rows // min(settings.batch_size, rows)),
        lambda: {"answers": asdict(judge(base, judged)), "old": old_scores(base, tokenizer)},
    )
    curriculum = ExampleCurriculum(
        learned, judged, base.n_ctx, settings.batch_size, record.steps, settings.seed, start.micro_batch_size
    )
    chat = template if settings.template is not None or examples.conversations else None
    trained = trained_model(record, base, tokenizer, chat, start.device)
    return start.begun(
        TuneRun(record, tokenizer, curriculum, trained, examples, held=start.held, should_stop=should_stop)
    )


def split_examples(
    settings: TuneSettings, tokenizer: Tokenizer, template: Template, n_ctx: int
) -> tuple[Examples, tuple[Example, ...], tuple[Example, ...]]:
    """All examples of --data, those to learn from and those to judge by."""
    assert settings.data is not None
    found = read_examples(read_records(settings.data), tokenizer, template, n_ctx)
    if settings.held_out is not None:
        return found, found.fitting, read_examples(read_records(settings.held_out), tokenizer, template, n_ctx).fitting
    return found, *two_sides(found.fitting, lambda example: example.ids, settings.data, "examples")


def examples_digest(examples: Sequence[Example]) -> str:
    """SHA-256 of the examples' ids and marks."""
    return digest([[*example.ids, *map(int, example.learned)] for example in examples])
