"""A whole training run as an iterator of its steps: data, network, validation, checkpoints and curves included.

for step in run(TrainSettings(epochs=5)):
    print(step.number, step.loss)
"""

import json
import logging
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Protocol, runtime_checkable

from dataio import AffineAugmentation, Augmented, Batches
from tensors import choose_device, fork_random
from trainkit import (
    Checkpoints,
    Evaluation,
    MetricsLog,
    ModulePart,
    OptimizerPart,
    Part,
    RandomPart,
    Step,
    adamw,
    cosine,
    evaluate,
    log,
    train_steps,
)
from workbench import write_text

from .digit_net import DigitNet
from .files.model_folder import Reader, save
from .files.run_folder import open_run
from .image_losses import image_loss, n_wrong
from .judging import Judgement, judge
from .pictures.figures import draw_pictures, logged_lines
from .pictures.tensorboard_views import show_beginning, show_epoch
from .settings import TrainSettings, check
from .turning import Turning

logger = logging.getLogger(__name__)
AUGMENTATION = AffineAugmentation(degrees=15.0, translate=0.06, scale=0.15, shear=15.0)
"""As far as hands differ. The digits are centered, so they need to move little, but they lean every way."""


@runtime_checkable
class StopRequest(Protocol):
    """Whether the run should end after the step it is in."""

    @property
    def requested(self) -> bool: ...


def run(settings: TrainSettings, stop: StopRequest | None = None) -> "Run":
    """Prepare a run, new or resumed; iterating over the result trains.

    Raises ValueError or OSError for what is wrong with settings, data, folder or device, before anything is written.
    """
    return Run(settings, stop)


class Run:
    """A prepared run: iterate over it once. Everything about it can be looked at meanwhile; looking changes nothing."""

    def __init__(self, settings: TrainSettings, stop: StopRequest | None = None) -> None:
        check(settings)
        self._stop = stop
        self.device = choose_device(settings.device)
        self.record, self.data = open_run(settings)
        self.recipe = self.record.recipe
        train = Augmented(self.data.train, AUGMENTATION)
        self.batches = Batches(train, self.recipe.batch_size, seed=self.record.seed)
        self.start, self.total = 0, self.recipe.epochs * len(self.batches)
        self.turning = Turning(self.recipe.patience)
        self.validation: Evaluation | None = None
        self.seconds = 0.0
        """How long the run has taken, with what came before it was resumed."""
        self.judgement: Judgement | None = None
        """Of the test images: there when the run is finished."""
        self.record, self._hold = self.record.claimed(resumed=settings.resume is not None)
        self.folder = self.record.folder
        self._build()
        if settings.resume is None:
            self.record.write()
        else:
            self._restore()

    def __iter__(self) -> Iterator[Step]:
        with self._hold:
            trained = self.start >= self.total or self.stopped_early
            if not trained:
                yield from self._train()
            if not self._interrupted:
                self._finish()

    @property
    def stopped_early(self) -> bool:
        """The validation loss has clearly turned: see `Turning`."""
        return self.turning.turned

    def _build(self) -> None:
        with fork_random("weights", self.record.seed):
            self.model = DigitNet(len(self.data.classes)).to(self.device)
        self.optimizer = adamw(self.model, self.recipe.learning_rate, weight_decay=0.05, betas=(0.9, 0.99))
        parts: dict[str, Part] = {
            "model": ModulePart(self.model),
            "optimizer": OptimizerPart(self.optimizer, self.model),
            "random": RandomPart(),
        }
        self.checkpoints = Checkpoints(self.folder / "checkpoints", parts)
        self._interrupted = False

    def _train(self) -> Iterator[Step]:
        # One cycle (arXiv 1708.07120): the rate rises for a fifth of the run, then falls to nothing along a cosine.
        schedule = cosine(self.total, warmup=self.total // 5, floor=0.0)
        stream = self.batches.from_step(self.start, self.total)
        with MetricsLog(self.folder, self.start) as metrics:
            self.seconds = metrics.seconds
            show_beginning(metrics, self.model, self.batches, self.recipe)
            steps = train_steps(self.model, stream, image_loss, self.optimizer, schedule=schedule)
            for step in log(steps, metrics, every=self.record.settings.log_every, unit="images"):
                epoch_ends = step.number % len(self.batches) == 0
                stopping = self._stop is not None and self._stop.requested
                if epoch_ends:
                    self._validate(step.number, metrics)
                if epoch_ends or stopping:
                    self._save(step.number, self.validation if epoch_ends else None)
                self.seconds = metrics.seconds
                self._interrupted = stopping and step.number < self.total and not self.stopped_early
                yield step
                if self._interrupted or self.stopped_early:
                    return

    def _validate(self, number: int, metrics: MetricsLog) -> None:
        batches = Batches(self.data.validation, 250, shuffle=False)
        self.validation = evaluate(self.model, batches, image_loss)
        self.turning.add(self.validation.loss)
        wrong = evaluate(self.model, batches, n_wrong)
        metrics.write(number, validation_loss=self.validation.loss, validation_accuracy=1 - wrong.loss)
        show_epoch(metrics, number, self.model)

    def _save(self, number: int, score: Evaluation | None) -> None:
        seen = None if self.validation is None else asdict(self.validation)
        self.checkpoints.save(number, score, {"validation": seen, "losses": self.turning.losses})

    def _restore(self) -> None:
        if not self.checkpoints.steps():
            return  # stopped before its first checkpoint: the beginning is the place to go on from
        saved = self.checkpoints.load("latest")
        self.start = saved.step
        logged = [line for line in logged_lines(self.folder / "metrics.jsonl") if line["step"] <= self.start]
        self.seconds = max((line.get("seconds") or 0.0 for line in logged), default=0.0)
        # Versions before this one wrote no losses into checkpoints; the log has them, with null for what is no number.
        seen = {line["step"]: line["validation_loss"] for line in logged if "validation_loss" in line}
        losses = [math.nan if loss is None else loss for _, loss in sorted(seen.items())]
        self.turning.losses = list(saved.extra.get("losses", losses))
        if len(self.turning.losses) < self.start // len(self.batches):
            logger.warning(
                "%s: the validation losses of %d epochs are not in its log any more; whether the loss has turned is "
                "seen from the others only",
                self.folder,
                self.start // len(self.batches) - len(self.turning.losses),
            )
        if saved.extra["validation"]:
            self.validation = Evaluation(**saved.extra["validation"])

    def _finish(self) -> None:
        """Judge, and write what was found; writing it again gives the same files."""
        if self.stopped_early:
            # At the end of the schedule the last weights are as good as any; before it, the best are better.
            self.checkpoints.load("best")
        self.judgement = judge(self.model, self.data.test)
        save(self.folder / "model", Reader(self.model, self.data.classes, self.data.framing))
        draw_pictures(self.folder, self.judgement, self.data)
        write_text(self.folder / "results.json", json.dumps(self.results(), indent=2) + "\n")

    def results(self) -> dict[str, Any]:
        """The judgement in numbers."""
        judgement = self.judgement
        if judgement is None:
            raise ValueError("wanted a finished run, got one that has not judged yet; iterate over it to its end first")
        return {
            "test_images": len(judgement.labels),
            "correct": judgement.n_correct,
            "accuracy": judgement.accuracy,
            "interval_95": judgement.interval,
            "confusion": judgement.confusion.tolist(),
            "mistakes": judgement.mistakes.tolist(),
        }
