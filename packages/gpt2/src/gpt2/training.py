"""A whole training run as an iterator of its steps: text, model, evaluation, checkpoints and curves included.

for step in run(TrainSettings(text="book.txt")):
    print(step.number, step.loss)
"""

from collections.abc import Callable, Iterator

from torch import Tensor

from trainkit import (
    Evaluation,
    MetricsLog,
    Step,
    any_rank,
    evaluate,
    log,
    n_ranks,
    train_steps,
)

from .assembly import assemble, load_source
from .files import save
from .learning import batches, schedule_of, steps_from
from .many_processes import by_first, filled, gathered, own_device
from .model import GPT2
from .model_card import model_card
from .opening import open_run
from .settings import TrainSettings, check


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
        self.batches = batches(self.text, self.recipe, self.config.n_ctx, record.seed, self._micro_batch_size)
        self.start = self.last_step = 0
        self.validation: Evaluation | None = None
        built = assemble(record, self.config, self.tokenizer, self.device, source and source[0])
        self.model, self.trained, self.optimizer, self.checkpoints = built
        if settings.resume is not None:
            self._restore()
            return
        if source is not None:
            # Before run.json: from the moment that this folder is a run, its source is not needed any more.
            self.validation = self.evaluate()
            self._save(0)
        record.write(self.tokenizer)

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
        fresh, n_ctx = not (self.folder / "metrics.jsonl").exists(), self.config.n_ctx
        with MetricsLog(self.folder, self.start) as metrics:
            if fresh and self.validation is not None:
                metrics.write(self.start, validation_loss=self.validation.loss, bits_per_byte=self.bits_per_byte)
            stream = steps_from(self.text, self.recipe, n_ctx, self.record.seed, self._micro_batch_size, self.start)
            schedule = schedule_of(self.recipe)
            steps = train_steps(self.trained, stream, model_loss, self.optimizer, schedule=schedule, start=self.start)
            for step in log(steps, metrics, every=self.record.log_every):
                self.last_step = step.number
                last, stopping = step.number == self.total, any_rank(self._should_stop(), self.trained)
                if last or step.number % self.record.evaluate_every == 0:
                    self._evaluate(step.number, metrics)
                if last or stopping or step.number % self.record.save_every == 0:
                    self._save(step.number)
                yield step
                if stopping:
                    return
        self._finish()

    def evaluate(self) -> Evaluation:
        """Cross-entropy of every held-out token, in non-overlapping windows. Several processes call it together."""
        n_ctx = self.config.n_ctx
        windows = self.text.evaluation_batches(n_ctx, max(n_ranks(), 4096 // n_ctx))
        return evaluate(self.trained, filled(windows, n_ctx), model_loss)

    def _restore(self) -> None:
        if not self.checkpoints.steps() and self.source is None:
            return  # stopped before its first checkpoint: the beginning is the place to go on from
        saved = self.checkpoints.load("latest")
        self.start = self.last_step = saved.step
        if saved.extra.get("validation"):
            self.validation = Evaluation(**saved.extra["validation"])

    def _evaluate(self, number: int, metrics: MetricsLog) -> None:
        self.validation = self.evaluate()
        metrics.write(number, validation_loss=self.validation.loss, bits_per_byte=self.bits_per_byte)

    def _save(self, number: int) -> None:
        seen = self.validation
        extra = {"validation": None if seen is None else {"total": seen.total, "count": seen.count}}
        self.checkpoints.save(number, seen, extra)

    def _finish(self) -> None:
        if by_first(lambda: self.finished):
            return
        complete = gathered(self.model)

        def write() -> None:
            aside = self.folder / "model.part"
            save(aside, complete, self.tokenizer)
            (aside / "README.md").write_text(model_card(self), encoding="utf-8", newline="\n")
            aside.rename(self.folder / "model")

        by_first(write)


def model_loss(model: GPT2, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The loss of trainkit's seam: summed nats of a batch's targets, and how many they are."""
    return model.loss(*batch)
