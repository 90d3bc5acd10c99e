"""`gpt2.run`: a GPT-2 learns a text, as the settings of `train` say.

for step in run(TrainSettings(text="book.txt")):
    print(step.number, step.loss)
"""

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from workbench import Hold, with_expanded_paths

from ..config import GPT2Config
from ..files.loading import load
from ..machine.compiling import Compiling, compiled_again, compiled_loss
from ..machine.free_memory import check_memory
from ..machine.processes import own_device
from ..model import GPT2
from ..texts.prepared import TrainingText
from ..tokenizer.tokenizer import Tokenizer
from .curriculum import TextCurriculum
from .opening import open_run
from .record import RunRecord
from .run import Run
from .settings import TrainSettings, check
from .trained import Trained, trained_model


class TextRun(Run):
    """A run that learns a text: with what is known of the text, the tokenizer and the model's shape."""

    record: RunRecord
    curriculum: TextCurriculum
    model: GPT2

    def __init__(
        self, record: RunRecord, config: GPT2Config, curriculum: TextCurriculum, trained: Trained, **options: Any
    ) -> None:
        super().__init__(record, curriculum, trained, **options)
        self.config, self.recipe, self.source = config, record.recipe, record.settings.source
        self.text, self.tokenizer = curriculum.text, curriculum.text.tokenizer

    def begin(self, compile: str | None) -> None:
        """A new run: choose how steps are computed, and make its folder. One that starts from a source first saves it
        as a checkpoint of its own: from the moment that this folder is a run, the source is not needed any more."""
        self.compiled = compiled_loss(compile, self._try_compiling)
        self.record = dataclasses.replace(self.record, compiled=self.compiled is not None)
        if self.source is not None:
            self.validation = self.evaluate()
            self._save(0)
        self.record.write(self.tokenizer)

    def resume(self) -> None:
        """An earlier run: load its checkpoint, and compute steps as it did."""
        if self.source is not None and not self.checkpoints.steps():
            self.checkpoints.load("latest")  # says what is missing
        self.restore()
        if self.record.compiled and self.start < self.total:
            self.compiled = compiled_again(self._try_compiling)

    def _try_compiling(self) -> Compiling:
        samples = self.curriculum.samples(self.start)
        return Compiling(self.model, self.curriculum.loss, self.record.precision, samples)


def run(settings: TrainSettings, should_stop: Callable[[], bool] | None = None) -> TextRun:
    """Prepare a run, new or resumed; iterating over the result trains.

    should_stop: asked after every step; True saves a checkpoint and ends the iteration.

    Raises ValueError or OSError for what is wrong with settings, text, folder or device, before anything is written.
    """
    check(settings)
    settings = with_expanded_paths(settings)
    own_device(settings.device)  # or it says which there are
    new = settings.resume is None
    source, its_tokenizer = source_model(settings) if new and settings.source is not None else (None, None)
    record, text, held = open_run(settings, None if source is None else source.config, its_tokenizer)
    try:
        return prepared(settings, record, text, source, held, should_stop)
    except BaseException:
        if held is not None:
            held.release()
            with suppress(OSError):  # it is not empty
                held.path.rmdir()
        raise


def prepared(
    settings: TrainSettings,
    record: RunRecord,
    text: TrainingText,
    source: GPT2 | None,
    held: Hold | None,
    should_stop: Callable[[], bool] | None,
) -> TextRun:
    """The run of an opened folder, begun or restored."""
    config = record.recipe.config
    if record.settings.source is None:
        config = config.replace(n_vocab=text.tokenizer.n_vocab)
    micro_batch_size = settings.micro_batch_size or record.settings.micro_batch_size
    skip_limit = record.settings.skip_limit if settings.skip_limit is None else settings.skip_limit
    curriculum = TextCurriculum(text, record.recipe, config.n_ctx, record.seed, micro_batch_size)
    curriculum.batches()  # or it says what is missing
    if settings.resume is None and source is None and not settings.shard:
        check_memory(config, own_device(settings.device))
    trained = trained_model(record, config, text, own_device(settings.device), source)
    options: dict[str, Any] = {"held": held, "should_stop": should_stop, "profiled": settings.profile}
    options |= {"skip_limit": skip_limit or 0, "keep": settings.keep or record.settings.keep or 2}
    whole = TextRun(record, config, curriculum, trained, **options)
    whole.begin(settings.compile) if settings.resume is None else whole.resume()
    return whole


def source_model(settings: TrainSettings) -> tuple[GPT2, Tokenizer]:
    """The model that `--from` names and its tokenizer, or the one of `--tokenizer` for a checkpoint file without."""
    given = Tokenizer.published() if settings.tokenizer == "published" else settings.tokenizer
    return load(str(settings.source), tokenizer=given)
