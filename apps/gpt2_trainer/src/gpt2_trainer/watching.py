"""Looking at a run without changing it: samples, and in TensorBoard the same samples with pictures of the model."""

import gpt2
from decoding import generate
from trainkit import Step

from .pictures.figures import pixels
from .pictures.report import of_model
from .samples import Sample, SampleLog, Sampling, generation_settings


class Watcher:
    """`look(step)` after every step: a sample every so often, and pictures where the run was evaluated. `pictures` are
    the last ones: after the last step, those of the finished model.

    ValueError for a prompt that the model cannot read.
    """

    def __init__(self, run: "gpt2.TextRun", sampling: Sampling) -> None:
        self.run, self.sampling, self.drawn = run, sampling, generation_settings(sampling)
        self.sample_every = sampling.sample_every or -(-run.total // 10)
        if (length := len(run.tokenizer.encode(sampling.prompt))) > run.config.n_ctx:
            raise ValueError(
                f"--prompt: wanted at most {run.config.n_ctx} tokens, the model's context, got {length}; shorten it"
            )
        self.pictures: tuple[bytes, bytes] | None = None
        if run.start < run.total:
            sampling.write(run.folder)
            self.samples = SampleLog(run.folder, run.start)

    def look(self, step: Step) -> Sample | None:
        """The sample of this step, if it has one; it is kept, too."""
        run, last, curves = self.run, step.number == self.run.total, self.run.metrics
        assert curves is not None  # it is there while the run goes
        if last or step.number % run.record.evaluate_every == 0:
            self.pictures = of_model(run)
            for name, picture in zip(("layers", "token vectors"), self.pictures, strict=True):
                curves.image(step.number, name, pixels(picture))
        if not last and step.number % self.sample_every:
            return None
        text = generate(run.model, run.tokenizer, [self.sampling.prompt], self.drawn)[0].text
        sample = Sample(step.number, step.loss, self.sampling.prompt, text)
        self.samples.append(sample)
        curves.text(step.number, "sample", sample.prompt + sample.text)
        return sample
