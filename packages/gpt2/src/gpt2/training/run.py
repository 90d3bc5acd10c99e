"""A whole training run as an iterator of its steps: text, model, evaluation, checkpoints and curves included.

for step in run(TrainSettings(text="book.txt")):
    print(step.number, step.loss)
"""

import dataclasses
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext

from trainkit import (
    Evaluation,
    MetricsLog,
    SpikeGuard,
    Step,
    Stopwatch,
    any_rank,
    evaluate,
    is_first_rank,
    log,
    n_ranks,
    timed,
    train_steps,
)

from ..commands.narration import left_out
from ..machine.compiling import Compiling, compiled_again, compiled_loss
from ..machine.precision import autocast_type, each_multiplying, multiplying
from ..machine.processes import filled, own_device
from ..machine.profiling import Profile
from .assembly import assemble, load_source, write_model
from .curriculum import batches, model_loss, samples, schedule_of, steps_from
from .model_card import model_card
from .opening import open_run
from .settings import TrainSettings, check

logger = logging.getLogger(__name__)


def run(settings: TrainSettings, should_stop: Callable[[], bool] | None = None) -> "Run":
    """Prepare a run, new or resumed; iterating over the result trains.

    should_stop: asked after every step; True saves a checkpoint and ends the iteration.

    Raises ValueError or OSError for what is wrong with settings, text, folder or device, before anything is written.
    """
    return Run(settings, should_stop)


class Run:
    """A prepared run: iterate over it once. Everything about it can be looked at meanwhile; looking changes nothing."""

    def __init__(self, settings: TrainSettings, should_stop: Callable[[], bool] | None = None) -> None:
        check(settings)
        self._should_stop = should_stop or (lambda: False)
        self.device = own_device(settings.device)
        source = load_source(settings) if settings.source is not None and settings.resume is None else None
        self.record, self.text = open_run(settings, source and (source[0].config, source[1]))
        record, self.tokenizer = self.record, self.text.tokenizer
        self.folder, self.recipe, self.total = record.folder, record.recipe, record.recipe.steps
        self.source: str | None = record.settings.get("source")
        self.config = self.recipe.config
        if self.source is None:
            self.config = self.config.replace(n_vocab=self.tokenizer.n_vocab)
        self._micro_batch_size = settings.micro_batch_size or record.settings.get("micro_batch_size")
        skip_limit = record.settings.get("skip_limit") if settings.skip_limit is None else settings.skip_limit
        self.guard = SpikeGuard(window=0, skip_limit=skip_limit or 0)
        self._profiled = settings.profile
        self.profile: Profile | None = None
        self._text = (self.text, self.recipe, self.config.n_ctx, record.seed, self._micro_batch_size)
        self.batches = batches(*self._text)
        self.start = self.last_step = 0
        self.validation: Evaluation | None = None
        self.metrics: MetricsLog | None = None
        built = assemble(record, self.config, self.tokenizer, self.device, source and source[0])
        self.model, self.trained, self.optimizer, self.checkpoints = built
        if settings.resume is not None:
            self._restore()
            self.compiled = compiled_again(self._try_compiling) if record.compiled and self.start < self.total else None
            return
        self.compiled = compiled_loss(settings.compile, self._try_compiling)
        self.record = dataclasses.replace(record, compiled=self.compiled is not None)
        if source is not None:
            # Before run.json: from the moment that this folder is a run, its source is not needed any more.
            self.validation = self.evaluate()
            self._save(0)
        self.record.write(self.tokenizer)

    @property
    def bits_per_byte(self) -> float | None:
        """Of the held-out text at the last evaluation."""
        return None if self.validation is None else self.validation.bits_per_byte(self.text.held_out_bytes)

    @property
    def finished(self) -> bool:
        """Whether all steps are done and `model/` is written."""
        return (self.folder / "model").is_dir()

    def __iter__(self) -> Iterator[Step]:
        if self.start >= self.total:
            self._finish()
            return
        fresh = not (self.folder / "metrics.jsonl").exists()
        with MetricsLog(self.folder, self.start) as metrics, self._profiling():
            self.metrics = metrics
            if fresh and self.validation is not None:
                metrics.write(self.start, validation_loss=self.validation.loss, bits_per_byte=self.bits_per_byte)
            for step in log(self._steps(), metrics, every=self.record.log_every):
                self.last_step = step.number
                if step.skipped:
                    metrics.write(step.number, skipped_steps=float(self.guard.skipped))
                    logger.warning(left_out(self, step)) if is_first_rank() else None
                last, stopping = step.number == self.total, any_rank(self._should_stop(), self.trained)
                if last or step.number % self.record.evaluate_every == 0:
                    self._evaluate(step.number, metrics)
                if last or stopping or step.number % self.record.save_every == 0:
                    self._save(step.number)
                if self.profile:
                    self.profile.look(step.number)
                yield step
                if stopping and not last:
                    return
        self._finish()

    def _steps(self) -> Iterator[Step]:
        steps = train_steps(
            self.trained,
            steps_from(*self._text, self.start),
            self.compiled or model_loss,
            self.optimizer,
            schedule=schedule_of(self.recipe),
            start=self.start,
            precision=autocast_type(self.record.precision),
            guard=self.guard,
            watch=self._watch,
        )
        return each_multiplying(self.record.precision, self.compiled is not None, steps)

    def _try_compiling(self) -> Compiling:
        return Compiling(self.model, model_loss, self.record.precision, samples(*self._text, self.start))

    def _profiling(self) -> AbstractContextManager[object]:
        self.profile = Profile(self.folder, self.start, self.total) if self._profiled else None
        return closing(self.profile) if self.profile else nullcontext()

    @property
    def _watch(self) -> Stopwatch | None:
        return self.profile.watch if self.profile else None

    def evaluate(self) -> Evaluation:
        """Cross-entropy of every held-out token, in non-overlapping windows. Several processes call it together.

        On a CPU in float32 whatever the run's precision: then any other program finds the same number."""
        n_ctx = self.config.n_ctx
        windows = self.text.evaluation_batches(n_ctx, max(n_ranks(), 4096 // n_ctx))
        name = "float32" if self.device.type == "cpu" else self.record.precision
        with multiplying(name):
            precision = autocast_type(name)
            return evaluate(self.trained, filled(windows, n_ctx), model_loss, precision=precision)

    def _restore(self) -> None:
        if not self.checkpoints.steps() and self.source is None:
            return  # stopped before its first checkpoint: the beginning is the place to go on from
        saved = self.checkpoints.load("latest")
        self.start = self.last_step = saved.step
        self.guard.skipped = saved.extra.get("skipped", 0)
        if saved.extra.get("validation"):
            self.validation = Evaluation(**saved.extra["validation"])

    def _evaluate(self, number: int, metrics: MetricsLog) -> None:
        with timed(self._watch, "evaluation"):
            self.validation = self.evaluate()
        metrics.write(number, validation_loss=self.validation.loss, bits_per_byte=self.bits_per_byte)

    def _save(self, number: int) -> None:
        seen = self.validation
        extra = {"validation": None if seen is None else {"total": seen.total, "count": seen.count}}
        with timed(self._watch, "checkpoint"):
            self.checkpoints.save(number, seen, {**extra, "skipped": self.guard.skipped})

    def _finish(self) -> None:
        write_model(self.folder / "model", self.model, self.tokenizer, lambda: model_card(self))
