"""Which records of a comparison a side has learned from: what it makes of those says little of new ones."""

from collections.abc import Hashable
from pathlib import Path

from ..classifying.labels import read_labeled
from ..classifying.run import split_texts
from ..classifying.settings import ClassifySettings
from ..examples import Example, read_examples
from ..files.chat import read_template
from ..files.records import read_records
from ..preferring.pairs import Pair, read_pairs
from ..preferring.run import pairs_of
from ..preferring.settings import PreferSettings
from ..running.settings import RunSettings, TuneSettings
from ..templates import Template
from ..tuning import split_examples
from .subjects import Subject


def learned_from(side: Subject, settings: RunSettings | None, data: Path) -> tuple[int, int]:
    """How many of the records of `data` the run of `settings` that made a side learned from, and how many there are. 0
    of them where nobody knows: for what is no run, for records of another kind, and where its own are gone."""
    if settings is None:
        return 0, 0
    try:
        learned, asked = _both(side, settings, data)
    except (ValueError, OSError):
        return 0, 0
    return sum(one in learned for one in asked), len(asked)


def _both(side: Subject, settings: RunSettings, data: Path) -> tuple[set[Hashable], list[Hashable]]:
    """What tells the records apart that were learned, and those that are asked."""
    tokenizer, n_ctx = side.tokenizer, side.model.n_ctx
    if isinstance(settings, ClassifySettings):
        asked = read_labeled(read_records(data), tokenizer, n_ctx).fitting
        return {text.ids for text in split_texts(settings, tokenizer, n_ctx)[1]}, [text.ids for text in asked]
    if isinstance(settings, PreferSettings):
        pairs = read_pairs(read_records(data), tokenizer, n_ctx).fitting
        return set(map(_pair, pairs_of(settings, tokenizer, n_ctx)[1])), list(map(_pair, pairs))
    if not isinstance(settings, TuneSettings):
        return set(), []
    template = Template() if settings.template is None else read_template(settings.template)
    learned = split_examples(settings, tokenizer, template, n_ctx)[1]
    examples = read_examples(read_records(data), tokenizer, template, n_ctx).fitting
    return set(map(_example, learned)), list(map(_example, examples))


def _example(example: Example) -> Hashable:
    return example.ids, example.learned


def _pair(pair: Pair) -> Hashable:
    return pair.chosen.ids, pair.rejected.ids
