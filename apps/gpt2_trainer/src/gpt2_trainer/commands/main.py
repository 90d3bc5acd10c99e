"""The command `gpt2-trainer`: `train`, and a sample every so often. Torch is imported when work begins."""

import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import gpt2
from workbench import answered, parsed

from .settings import TrainerSettings, check

if TYPE_CHECKING:
    from trainkit import Step

    from ..watching import Watcher


def main() -> None:
    """`gpt2-trainer …`"""
    arguments = sys.argv[1:]

    def work() -> int:
        bare = "to learn from a text: --text {word}"
        settings = parsed("gpt2-trainer", None, TrainerSettings, arguments, bare=bare)
        check(settings)
        return train_and_sample(settings, ["gpt2_trainer", *arguments])

    sys.exit(answered("gpt2-trainer", work, on_terminate="WORLD_SIZE" not in os.environ))


def train_and_sample(settings: TrainerSettings, again: list[str]) -> int:
    """Train with a sample every so often. Returns the exit code; 130 or 143 after a signal, everything saved.

    Of several processes the first samples, shows and reports. again: module and arguments that start it once more.
    """
    from ..samples import generation_settings, sampling_of

    watchers: list[Watcher] = []  # one, of the process that shows
    sampling = sampling_of(
        settings.train.resume,
        prompt=settings.prompt,
        sample_every=settings.sample_every,
        sample_tokens=settings.sample_tokens,
        temperature=settings.temperature,
        top_k=settings.top_k,
    )
    generation_settings(sampling)  # refused before a run is made

    def watched(run: "gpt2.TextRun") -> "Callable[[Step], None]":
        from ..watching import Watcher

        watchers.append(watcher := Watcher(run, sampling))

        def look(step: "Step") -> None:
            if sample := watcher.look(step):
                show(f"── step {step.number}, loss {step.loss:.3f} ──\n{sample.prompt}{sample.text}\n")

        return look

    return gpt2.train_command(
        settings.train,
        each_step=watched,
        at_end=lambda run: reported(run, watchers[-1].pictures if watchers else None),
        command=("gpt2_trainer", "gpt2-trainer"),
        again=again,
        prompt=sampling.prompt,
    )


def reported(run: "gpt2.TextRun", drawn: tuple[bytes, bytes] | None) -> str:
    """Write the report of a finished run, and say where it is. drawn: pictures of the finished model, if there are."""
    from ..pictures.report import write_report
    from ..samples import read_samples

    page = write_report(run, [asdict(sample) for sample in read_samples(run.folder)], drawn)
    return f"\nReport: {page} (curves, layers, tokens, samples; open it in a browser)"


def show(text: str) -> None:
    """Print above the progress bar."""
    from tqdm.auto import tqdm

    tqdm.write(text)
    sys.stdout.flush()
