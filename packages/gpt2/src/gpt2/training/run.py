"""A whole training run as an iterator of its steps: evaluation, checkpoints, curves, stops and resuming included.

What it learns from, what is trained and what is saved are given to it: `gpt2.run` (text_run.py) puts these together for
a text, and other kinds of training bring their own.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from trainkit import (
    Checkpoints,
    Evaluation,
    MetricsLog,
    SpikeGuard,
    Step,
    Stopwatch,
    any_rank,
    evaluate,
    is_first_rank,
    log,
    timed,
    train_steps,
)
from workbench import Hold, sync

from ..machine.compiling import Loss
from ..machine.precision import autocast_type, each_multiplying, multiplying
from ..machine.processes import by_first
from ..machine.profiling import Profile
from .curriculum import Curriculum
from .trained import Trained

logger = logging.getLogger(__name__)


@runtime_checkable
class Record(Protocol):
    """Where a run lies, and how often it does what."""

    @property
    def folder(self) -> Path: ...

    @property
    def evaluate_every(self) -> int:
        """Steps between evaluations."""

    @property
    def save_every(self) -> int:
        """Steps between checkpoints."""

    @property
    def log_every(self) -> int:
        """Steps between lines of metrics.jsonl."""

    @property
    def precision(self) -> str:
        """How it multiplies: float32, medium or bfloat16."""


class Run:
    """A run: `restore()` it where it has checkpoints, then iterate over it once. Each `Step` is yielded after all that
    belongs to it is done. Everything about it can be looked at meanwhile; looking changes nothing.

    should_stop: asked after every step; True saves a checkpoint and ends the iteration.
    keep: checkpoints that stay besides the best, the last ones.
    held: what keeps others out of the folder; given back when the iteration ends.
    """

    def __init__(
        self,
        record: Record,
        curriculum: Curriculum,
        trained: Trained,
        *,
        should_stop: Callable[[], bool] | None = None,
        skip_limit: int = 0,
        keep: int = 2,
        profiled: bool = False,
        held: Hold | None = None,
    ) -> None:
        self.record, self.curriculum, self.trained = record, curriculum, trained
        self.folder, self.total = record.folder, curriculum.steps
        self.model: Any = trained.model
        self.device, self.optimizer = trained.device, trained.optimizer
        self.checkpoints = Checkpoints(record.folder / "checkpoints", trained.parts, keep=keep)
        self.guard = SpikeGuard(window=0, skip_limit=skip_limit)
        self.start = self.last_step = 0
        self.validation: Evaluation | None = None
        self.metrics: MetricsLog | None = None
        self.compiled: Loss | None = None
        self.profile: Profile | None = None
        self._should_stop, self._profiled = should_stop or (lambda: False), profiled
        self._held = held

    @property
    def bits_per_byte(self) -> float | None:
        """Of the held-out text at the last evaluation."""
        n_bytes = self.curriculum.held_out_bytes
        return None if self.validation is None or n_bytes is None else self.validation.bits_per_byte(n_bytes)

    @property
    def finished(self) -> bool:
        """Whether all steps are done and the result is written."""
        return (self.folder / self.trained.result).is_dir()

    def restore(self) -> None:
        """Load the newest good checkpoint; without any, the beginning is the place to go on from.

        Raises CheckpointError where there are some, but none that can be trusted."""
        if not self.checkpoints.steps():
            return
        saved = self.checkpoints.load("latest")
        self.start = self.last_step = saved.step
        self.guard.skipped = saved.extra.get("skipped", 0)
        if saved.extra.get("validation"):
            self.validation = Evaluation(**saved.extra["validation"])

    def __iter__(self) -> Iterator[Step]:
        try:
            yield from self._all()
        finally:
            if self._held is not None:
                self._held.release()

    def _all(self) -> Iterator[Step]:
        if self.start >= self.total and (self.start or self.finished):  # a run of no steps has yet to tell how it began
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
                    self._tell_skipped(step, metrics)
                last, stopping = step.number == self.total, any_rank(self._should_stop(), self._together)
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

    def evaluate(self) -> Evaluation:
        """The loss over all that is held out. Several processes call it together.

        On a CPU in float32 whatever the run's precision: then any other program finds the same number."""
        name = "float32" if self.device.type == "cpu" else self.record.precision
        loss, precision = self.curriculum.loss, autocast_type(name)
        with multiplying(name):
            return evaluate(self._together, self.curriculum.held_out(), loss, precision=precision)

    def _steps(self) -> Iterator[Step]:
        steps = train_steps(
            self._together,
            self.curriculum.steps_from(self.start),
            self.compiled or self.curriculum.loss,
            self.optimizer,
            schedule=self.trained.schedule,
            schedules=self.trained.schedules,
            start=self.start,
            precision=autocast_type(self.record.precision),
            guard=self.guard,
            watch=self._watch,
        )
        return each_multiplying(self.record.precision, self.compiled is not None, steps)

    @property
    def _together(self) -> Any:
        return self.trained.together or self.trained.model

    def _profiling(self) -> AbstractContextManager[object]:
        self.profile = Profile(self.folder, self.start, self.total) if self._profiled else None
        return closing(self.profile) if self.profile else nullcontext()

    @property
    def _watch(self) -> Stopwatch | None:
        return self.profile.watch if self.profile else None

    def _tell_skipped(self, step: Step, metrics: MetricsLog) -> None:
        metrics.write(step.number, skipped_steps=float(self.guard.skipped))
        if is_first_rank():
            which = f"step {step.number} was left out, loss {step.loss} and gradient norm {step.gradient_norm}"
            logger.warning("%s (%d of at most %d)", which, self.guard.skipped, self.guard.skip_limit)

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
        """Write the result, whole or not at all."""
        if by_first(lambda: self.finished):
            return
        folder = self.folder / self.trained.result
        aside = folder.with_name(f"{folder.name}.part")
        self.trained.write(aside)

        def name() -> None:
            for path in (*aside.rglob("*"), aside):  # a name that outlives a power cut has content that does
                sync(path)
            aside.rename(folder)
            sync(folder.parent)

        by_first(name)
