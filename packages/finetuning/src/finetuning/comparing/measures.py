"""Two models on the same task and the same old text: paired, so that what differs is the models."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch

from evaluation import Comparison, compare_units

from ..classifying.judging import judge_labels
from ..classifying.labels import LabeledText, read_labeled
from ..classifying.run import split_texts
from ..classifying.settings import ClassifySettings
from ..examples import Example, read_examples
from ..files.chat import read_template
from ..files.records import read_records
from ..judging import judge
from ..preferring.likelihoods import judge_pairs
from ..preferring.pairs import Pair, read_pairs
from ..preferring.run import pairs_of
from ..preferring.settings import PreferSettings
from ..running.forgetting import forgotten, old_documents, old_scores
from ..running.settings import RunSettings, TuneSettings
from ..templates import Template
from ..tuning import split_examples
from .subjects import Subject

VISIBLE = 0.001
"""Bits a byte from which a difference shows in three digits."""


@dataclass(frozen=True)
class Measure:
    """One thing that both were asked: first is after, second before."""

    name: str
    found: Comparison


@dataclass(frozen=True)
class OldText:
    """Bits per byte of the old text, and what of it was forgotten most: beginnings of documents with the bits per byte
    before and after, the largest loss first."""

    found: Comparison
    most: tuple[tuple[str, float, float], ...]


def task_measures(before: Subject, after: Subject, settings: RunSettings | None, data: Path | None) -> list[Measure]:
    """What both make of a task: of the records of `data`, or of those that the run of `settings` held out. None of it
    where there is neither. ValueError for records of no known kind, and for models that cannot be asked the same."""
    if data is not None:
        first = next(iter(read_records(data)), ("", {"prompt": "", "completion": ""}))[1]
        if "label" in first:
            return _labels(before, after, None, data)
        if "chosen" in first:
            return _pairs(before, after, read_pairs(read_records(data), after.tokenizer, _room(before, after)).fitting)
        template = Template()
        if isinstance(settings, TuneSettings) and settings.template is not None:
            template = read_template(settings.template)
        found = read_examples(read_records(data), after.tokenizer, template, _room(before, after))
        return _answers(before, after, found.fitting)
    if isinstance(settings, ClassifySettings):
        return _labels(before, after, settings, None)
    if isinstance(settings, PreferSettings):
        return _pairs(before, after, pairs_of(settings, after.tokenizer, _room(before, after))[2])
    if isinstance(settings, TuneSettings):
        template = Template() if settings.template is None else read_template(settings.template)
        return _answers(before, after, split_examples(settings, after.tokenizer, template, _room(before, after))[2])
    return []


def old_text(before: Subject, after: Subject, shown: int = 3) -> OldText:
    """Both on the text that has nothing to do with any task."""
    was, now = old_scores(before.model, before.tokenizer), old_scores(after.model, after.tokenizer)
    found = forgotten(was, now)
    bits = [
        (a / n / math.log(2), b / n / math.log(2))
        for a, b, n in zip(was["nats"], now["nats"], was["bytes"], strict=True)
    ]
    order = sorted(range(len(bits)), key=lambda number: bits[number][0] - bits[number][1])
    documents = old_documents()
    worst = [number for number in order[:shown] if bits[number][1] - bits[number][0] >= VISIBLE]
    return OldText(found, tuple((documents[number], *bits[number]) for number in worst))


def _room(before: Subject, after: Subject) -> int:
    if before.tokenizer.fingerprint != after.tokenizer.fingerprint:
        raise ValueError(
            f"wanted two models with one tokenizer, since nats a token of two cannot be compared, got {before.name} "
            f"and {after.name}, whose tokenizers differ; compare texts with `evaluation compare`"
        )
    return min(before.model.n_ctx, after.model.n_ctx)


def _answers(before: Subject, after: Subject, examples: Sequence[Example]) -> list[Measure]:
    was, now = judge(before.model, examples), judge(after.model, examples)
    exact = [[float(one) for one in judged.exact] for judged in (now, was)]
    return [
        Measure("answers, nats a token", compare_units(now.nats, was.nats, now.tokens)),
        Measure("written word for word, greedily", compare_units(*exact)),
    ]


def _pairs(before: Subject, after: Subject, pairs: Sequence[Pair]) -> list[Measure]:
    was, now = judge_pairs(before.model, pairs), judge_pairs(after.model, pairs)
    preferred = [[float(a > b) for a, b in zip(one.chosen, one.rejected, strict=True)] for one in (now, was)]
    nats = [[[-value for value in values] for values in (one.chosen, one.rejected)] for one in (now, was)]
    return [
        Measure("chosen likelier than rejected", compare_units(*preferred)),
        Measure("chosen, nats a token", compare_units(nats[0][0], nats[1][0], now.chosen_tokens)),
        Measure("rejected, nats a token", compare_units(nats[0][1], nats[1][1], now.rejected_tokens)),
    ]


def _labels(before: Subject, after: Subject, settings: ClassifySettings | None, data: Path | None) -> list[Measure]:
    classifier = after.classifier
    if classifier is None:
        raise ValueError(f"{after.name}: wanted a classifier for texts with labels, got none; make one by classify")
    if before.classifier is not None and {*before.classifier.labels} != {*classifier.labels}:
        raise ValueError(
            f"wanted two classifiers of the same labels, got {', '.join(before.classifier.labels)} and "
            f"{', '.join(classifier.labels)}; compare those of one task"
        )
    if settings is not None:
        _, learned, texts = split_texts(settings, after.tokenizer, after.model.n_ctx)
    else:
        assert data is not None
        texts = read_labeled(read_records(data), after.tokenizer, after.model.n_ctx, classifier.labels).fitting
        learned = texts
    now = judge_labels(classifier, texts).right
    if before.classifier is None:
        usual = int(torch.bincount(torch.tensor([text.label for text in learned])).argmax())
        was = [float(text.label == usual) for text in texts]
        return [Measure("accuracy (before: the usual label)", compare_units(now, was))]
    return [Measure("accuracy", compare_units(now, _right(before, texts, classifier.labels)))]


def _right(before: Subject, texts: Sequence[LabeledText], labels: Sequence[str]) -> list[float]:
    """Which labels a classifier with another tokenizer, and its labels in another order, finds."""
    assert before.classifier is not None
    records = [(text.place, {"text": text.text, "label": labels[text.label]}) for text in texts]
    again = read_labeled(records, before.tokenizer, before.model.n_ctx, before.classifier.labels)
    if again.too_long:
        raise ValueError(
            f"{before.name}: wanted texts of at most {before.model.n_ctx} tokens, got longer ones: "
            f"{', '.join(chain(again.too_long[:3]))}; leave them out"
        )
    return judge_labels(before.classifier, again.fitting).right
