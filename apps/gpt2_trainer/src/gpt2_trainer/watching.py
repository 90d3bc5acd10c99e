"""Looking at a run without changing it: samples, and in TensorBoard the same samples with pictures of the model."""

from types import TracebackType

from torch.utils.tensorboard import SummaryWriter

import gpt2
from decoding import GenerationSettings, generate
from trainkit import Step

from . import pictures
from .report import LOOKED_AT
from .samples import Sample, SampleLog
from .settings import TrainerSettings


def sampling_settings(settings: TrainerSettings) -> GenerationSettings:
    """How samples are drawn; ValueError for what decoding does not allow."""
    return GenerationSettings(
        max_new_tokens=settings.sample_tokens,
        temperature=settings.temperature,
        top_k=settings.top_k if settings.temperature > 0 else 0,
    )


class Watcher:
    """`look(step)` after every step: a sample every so often, and pictures where the run was evaluated."""

    def __init__(self, run: "gpt2.Run", settings: TrainerSettings, sampling: GenerationSettings) -> None:
        self.run, self.prompt, self.sampling = run, settings.prompt, sampling
        self.sample_every = settings.sample_every or -(-run.total // 10)
        if run.start < run.total:
            self.samples = SampleLog(run.folder, run.start)
            self.tensorboard = SummaryWriter(str(run.folder), purge_step=run.start + 1, filename_suffix=".samples")

    def look(self, step: Step) -> Sample | None:
        """The sample of this step, if it has one; it is kept, too."""
        run, last = self.run, step.number == self.run.total
        if last or step.number % run.record.evaluate_every == 0:
            heads = pictures.heads(run.model, run.tokenizer, LOOKED_AT)
            tokens = pictures.token_vectors(run.model, run.tokenizer, run.text.train[:10_000_000])
            self.tensorboard.add_image("heads", pictures.pixels(heads), step.number)
            self.tensorboard.add_image("token vectors", pictures.pixels(tokens), step.number)
        if not last and step.number % self.sample_every:
            return None
        text = generate(run.model, run.tokenizer, [self.prompt], self.sampling)[0].text
        sample = Sample(step.number, step.loss, self.prompt, text)
        self.samples.append(sample)
        quoted = (sample.prompt + sample.text).replace("\n", "\n    ")
        self.tensorboard.add_text("sample", "    " + quoted, step.number)
        return sample

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.run.start < self.run.total:
            self.tensorboard.close()
