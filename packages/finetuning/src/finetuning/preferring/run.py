"""`prefer`: a model learns which answers are preferred, as the settings of `finetuning prefer` say.

for step in prefer(PreferSettings(source="runs/001/model", data=Path("pairs.jsonl"))):
    print(step.number, step.loss)
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import gpt2
from gpt2 import GPT2, Tokenizer, Trained
from trainkit import Evaluation

from ..files.records import read_records
from ..running.forgetting import old_scores
from ..running.record import TuneRecord
from ..running.starting import HELD_OUT, Start, TaskRun, started
from ..running.trained import trained_model
from .curriculum import Objective, PreferenceCurriculum
from .likelihoods import answer_tokens, judge_pairs
from .pairs import Pair, Pairs, pairs_digest, read_pairs, split_pairs
from .reference import Known, kept_reference
from .settings import PreferSettings


class PreferRun(TaskRun):
    """A run that learns preferences: with its pairs."""

    curriculum: PreferenceCurriculum
    model: GPT2

    def __init__(
        self,
        record: TuneRecord,
        tokenizer: Tokenizer,
        curriculum: PreferenceCurriculum,
        trained: Trained,
        pairs: Pairs,
        **options: Any,
    ) -> None:
        super().__init__(record, curriculum, trained, **options)
        self.tokenizer, self.pairs = tokenizer, pairs

    @property
    def judged(self) -> list[Pair]:
        """The pairs that are held out."""
        return [pair for pair, _ in self.curriculum.judged]

    def evaluate(self) -> Evaluation:
        """The loss over the pairs that are held out. metrics.jsonl gets both curves with it, the mean log-probability
        of the chosen and of the rejected answers: the loss falls even where both become less likely."""
        judged = judge_pairs(self.model, self.judged)
        reference = self.curriculum.held_out_reference
        loss = self.curriculum.objective(judged.tensor(), reference, answer_tokens(self.judged).double())
        if self.metrics is not None:
            chosen, rejected = judged.tensor().mean(0).tolist()
            self.metrics.write(self.last_step, chosen_log_probability=chosen, rejected_log_probability=rejected)
        return Evaluation(float(loss.sum()), len(loss))


def prefer(settings: PreferSettings, should_stop: Callable[[], bool] | None = None) -> PreferRun:
    """Prepare a run, new or resumed; iterating over the result trains. Arguments and errors are those of `tune`."""
    return started(settings, lambda start: _prepared(start, should_stop))


def _prepared(start: Start[PreferSettings], should_stop: Callable[[], bool] | None) -> PreferRun:
    settings = start.settings
    assert settings.source is not None
    base, tokenizer = gpt2.load(settings.source)
    base = base.to(start.device)
    pairs, learned, judged = pairs_of(settings, tokenizer, base.n_ctx)
    record = start.record(
        base,
        {"learned": pairs_digest(learned), "held_out": pairs_digest(judged)},
        -(-len(learned) // min(settings.batch_size, len(learned))),
        lambda: {"pairs": asdict(judge_pairs(base, judged)), "old": old_scores(base, tokenizer)},
    )
    known, known_judged = kept_reference(record, base, learned, judged, new=start.earlier is None)
    curriculum = PreferenceCurriculum(
        _joined(learned, known),
        _joined(judged, known_judged),
        Objective.of(settings),
        settings.batch_size,
        record.steps,
        settings.seed,
        start.micro_batch_size,
    )
    trained = trained_model(record, base, tokenizer, None, start.device)
    return start.begun(
        PreferRun(record, tokenizer, curriculum, trained, pairs, held=start.held, should_stop=should_stop)
    )


def pairs_of(
    settings: PreferSettings, tokenizer: Tokenizer, n_ctx: int
) -> tuple[Pairs, tuple[Pair, ...], tuple[Pair, ...]]:
    """All pairs of --data, those to learn from and those to judge by."""
    assert settings.data is not None
    found = read_pairs(read_records(settings.data), tokenizer, n_ctx)
    if settings.held_out is None:
        return found, *split_pairs(found, HELD_OUT, settings.data)
    return found, found.fitting, read_pairs(read_records(settings.held_out), tokenizer, n_ctx).fitting


def _joined(pairs: tuple[Pair, ...], known: Known) -> tuple[tuple[Pair, tuple[float, float]], ...]:
    return tuple(zip(pairs, known, strict=True))
