"""`classify`: a model learns the labels of texts, as the settings of `finetuning classify` say.

for step in classify(ClassifySettings(source="runs/001/model", data=Path("reviews.csv"))):
    print(step.number, step.loss)
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gpt2
from gpt2 import Tokenizer, Trained
from tensors import generator

from ..files.records import read_records
from ..running.forgetting import old_scores
from ..running.record import TuneRecord
from ..running.starting import HELD_OUT, Start, TaskRun, started
from ..running.trained import learner, trained
from .adapter_folder import save_classifier_adapter
from .classifier import Classifier
from .curriculum import LabelCurriculum
from .label_start import start_from_labels
from .labels import LabeledText, LabeledTexts, read_labeled, split_labeled, texts_digest
from .model_folder import save_classifier
from .settings import ClassifySettings


class ClassifyRun(TaskRun):
    """A run that learns labels: with its texts."""

    curriculum: LabelCurriculum
    model: Classifier

    def __init__(
        self,
        record: TuneRecord,
        tokenizer: Tokenizer,
        curriculum: LabelCurriculum,
        trained: Trained,
        texts: LabeledTexts,
        **options: Any,
    ) -> None:
        super().__init__(record, curriculum, trained, **options)
        self.tokenizer, self.texts = tokenizer, texts


def classify(settings: ClassifySettings, should_stop: Callable[[], bool] | None = None) -> ClassifyRun:
    """Prepare a run, new or resumed; iterating over the result trains. Arguments and errors are those of `tune`."""
    return started(settings, lambda start: _prepared(start, should_stop))


def _prepared(start: Start[ClassifySettings], should_stop: Callable[[], bool] | None) -> ClassifyRun:
    settings = start.settings
    assert settings.source is not None
    base, tokenizer = gpt2.load(settings.source)
    texts, learned, judged = split_texts(settings, tokenizer, base.n_ctx)
    record = start.record(
        base,
        {"learned": texts_digest(learned, texts.labels), "held_out": texts_digest(judged, texts.labels)},
        -(-len(learned) // min(settings.batch_size, len(learned))),
        lambda: {"old": old_scores(base, tokenizer)},
    )
    curriculum = LabelCurriculum(
        learned, judged, settings.batch_size, record.steps, settings.seed, start.micro_batch_size
    )
    body, adapter = learner(base.to(start.device), settings)
    model = Classifier(body, texts.labels, generator=generator("head", settings.seed))
    if settings.label_start and start.earlier is None:  # one that is resumed has it in its first checkpoint
        start_from_labels(model.cpu(), learned, [tokenizer.decode([number]) for number in range(tokenizer.n_vocab)])
        model.to(start.device)

    def write(folder: Path) -> None:
        if adapter is not None:
            save_classifier_adapter(record.folder / "adapter", model, adapter, base=settings.source)
        save_classifier(folder, model, tokenizer)

    parts = trained(record, model, start.device, write, result="model")
    return start.begun(
        ClassifyRun(record, tokenizer, curriculum, parts, texts, held=start.held, should_stop=should_stop)
    )


def split_texts(
    settings: ClassifySettings, tokenizer: Tokenizer, n_ctx: int
) -> tuple[LabeledTexts, tuple[LabeledText, ...], tuple[LabeledText, ...]]:
    """All texts of --data, those to learn from and those to judge by."""
    assert settings.data is not None
    found = read_labeled(read_records(settings.data), tokenizer, n_ctx)
    if settings.held_out is None:
        return found, *split_labeled(found, HELD_OUT, settings.data)
    judged = read_labeled(read_records(settings.held_out), tokenizer, n_ctx, found.labels)
    return found, found.fitting, judged.fitting
