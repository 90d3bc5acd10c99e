"""What the model wrote as it learned: a line a sample in RUN/samples.jsonl, cut back on resume like the metrics."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from decoding import GenerationSettings
from workbench import check_kinds, parse_object, read_object, split_lines, write_text


@dataclass(frozen=True)
class Sample:
    """`text` continues `prompt`; `loss` is the training loss of that step, in nats a token."""

    step: int
    loss: float
    prompt: str
    text: str


@dataclass(frozen=True)
class Sampling:
    """How a run is sampled; RUN/sampling.json, so that a resumed run is sampled as it began."""

    prompt: str = "The"
    sample_every: int | None = None
    """Steps; None for ten samples in the whole run."""
    sample_tokens: int = 60
    temperature: float = 0.7
    top_k: int = 40

    def write(self, folder: Path) -> None:
        write_text(folder / "sampling.json", json.dumps(asdict(self), indent=2) + "\n")


def sampling_of(resumed: Path | None = None, **given: Any) -> Sampling:
    """What is `given` of a `Sampling`, else what the run to resume was told, else the defaults; None says nothing.

    ValueError for a run folder whose sampling.json is something else."""
    begun, path = Sampling(), resumed and resumed / "sampling.json"
    if path and path.is_file():
        try:
            begun = Sampling(**read_object(path))
            check_kinds(begun)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{path}: wanted how the run was sampled, got something else ({error}); remove the file, and the "
                "options say it again"
            ) from None
    return replace(begun, **{name: value for name, value in given.items() if value is not None})


def generation_settings(sampling: Sampling) -> GenerationSettings:
    """How samples are drawn; ValueError, in the words of the options, for what decoding does not allow."""
    try:
        return GenerationSettings(
            max_new_tokens=sampling.sample_tokens,
            temperature=sampling.temperature,
            top_k=sampling.top_k if sampling.temperature > 0 else 0,
        )
    except ValueError as error:
        options = {"max_new_tokens": "--sample-tokens", "temperature": "--temperature", "top_k": "--top-k"}
        message = str(error)
        for name, option in options.items():
            message = message.replace(name, option)
        raise ValueError(message) from None


class SampleLog:
    """Samples of steps up to `start` stay, later ones go: a resumed run writes them again."""

    def __init__(self, folder: Path, start: int) -> None:
        self.path = folder / "samples.jsonl"
        kept = [sample for sample in read_samples(folder) if sample.step <= start]
        if self.path.exists():
            write_text(self.path, "".join(map(_line, kept)))

    def append(self, sample: Sample) -> None:
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(_line(sample))


def read_samples(folder: Path) -> list[Sample]:
    """The samples of a run, oldest first; a line torn by a kill ends the list."""
    path, samples = folder / "samples.jsonl", []
    for line in split_lines(path.read_text(encoding="utf-8", errors="replace")) if path.exists() else ():
        try:
            samples.append(Sample(**parse_object(line, str(path))))
        except (ValueError, TypeError):
            break
    return samples


def _line(sample: Sample) -> str:
    return json.dumps(asdict(sample), ensure_ascii=False) + "\n"
