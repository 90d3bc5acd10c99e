"""What the model wrote as it learned: a line a sample in RUN/samples.jsonl, cut back on resume like the metrics."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """`text` continues `prompt`; `loss` is the training loss of that step, in nats a token."""

    step: int
    loss: float
    prompt: str
    text: str


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
