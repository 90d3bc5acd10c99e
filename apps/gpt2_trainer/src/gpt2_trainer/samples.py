"""What the model wrote as it learned: a line a sample in RUN/samples.jsonl, cut back on resume like the metrics."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .commands.settings import TrainerSettings


@dataclass(frozen=True)
class Sample:
    """`text` continues `prompt`; `loss` is the training loss of that step, in nats a token."""

    step: int
    loss: float
    prompt: str
    text: str


@dataclass(frozen=True)
class Sampling:
    """How a run is sampled; RUN/sampling.json, so that it goes on as it began."""

    prompt: str = "The"
    sample_every: int | None = None
    """Steps; None for ten samples in the whole run."""
    sample_tokens: int = 60
    temperature: float = 0.7
    top_k: int = 40

    def write(self, folder: Path) -> None:
        (folder / "sampling.json").write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def sampling_of(settings: TrainerSettings) -> Sampling:
    """What the settings say, else what the run to resume was told, else the defaults."""
    begun, path = Sampling(), settings.train.resume and settings.train.resume / "sampling.json"
    if path and path.is_file():
        try:
            begun = Sampling(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{path}: wanted how the run was sampled, got something else ({error}); remove the file, and the "
                "options say it again"
            ) from None
    given = {name: getattr(settings, name) for name in asdict(begun)}
    return replace(begun, **{name: value for name, value in given.items() if value is not None})


class SampleLog:
    """Samples of steps up to `start` stay, later ones go: a resumed run writes them again."""

    def __init__(self, folder: Path, start: int) -> None:
        self.path = folder / "samples.jsonl"
        kept = [sample for sample in read_samples(folder) if sample.step <= start]
        if self.path.exists():
            self.path.write_text("".join(map(_line, kept)), encoding="utf-8")

    def append(self, sample: Sample) -> None:
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(_line(sample))


def read_samples(folder: Path) -> list[Sample]:
    """The samples of a run, oldest first; a line torn by a kill ends the list."""
    path, samples = folder / "samples.jsonl", []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            samples.append(Sample(**json.loads(line)))
        except (ValueError, TypeError):
            break
    return samples


def _line(sample: Sample) -> str:
    return json.dumps(asdict(sample), ensure_ascii=False) + "\n"
