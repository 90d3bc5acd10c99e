"""What a run folder adds to its model: the states on the way, the curve of the loss, and text that was held out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

import gpt2
from dataio import Corpus, embedded_text, is_record_file, read_text, split_corpus, stream_text, text_paths
from workbench import read_json_lines, read_object

LARGE = 250_000_000
"""Bytes of text beyond which the held-out part is not looked up."""


@dataclass(frozen=True)
class RunFolder:
    """A run as the page needs it; of a model folder alone all is empty."""

    folder: Path | None = None
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Steps of the whole run; 0 where nobody says."""
        steps = self.record.get("recipe", {}).get("steps", 0)
        return steps if isinstance(steps, int) else 0

    def curve(self) -> dict[str, list[tuple[int, float]]]:
        """The measured losses of `metrics.jsonl`, by step, in nats a token: of batches, and of the held-out text."""
        found: dict[str, list[tuple[int, float]]] = {"loss": [], "held_out": []}
        path = None if self.folder is None else self.folder / "metrics.jsonl"
        for _, line in read_json_lines(path) if path is not None and path.is_file() else ():
            for name, key in (("loss", "loss"), ("held_out", "validation_loss")):
                step, value = line.get("step"), line.get(key)
                if isinstance(step, int) and isinstance(value, float) and value == value:
                    found[name].append((step, round(value, 4)))
        return found

    def checkpoints(self) -> dict[int, Path]:
        """The folders of all whole models on the way, by step, but the last step's, which is the run's model."""
        if self.folder is None:
            return {}
        found = {}
        for path in sorted((self.folder / "checkpoints").glob("step-*")):
            number = path.name.removeprefix("step-")
            if number.isdecimal() and (path / "config.json").is_file():
                found[int(number)] = path
        last = self.total if (self.folder / "model").is_dir() else max(found, default=0)
        return {step: path for step, path in found.items() if step != last}

    def held_out(self) -> Iterator[str]:
        """The documents that the run was judged on; none where the text is gone, has changed, or is very large."""
        if not self.record:
            return
        try:
            corpus = _corpus(self.record.get("text"), self.record.get("settings", {}).get("field"))
            if corpus is None or corpus.fingerprint != self.record.get("data", {}).get("fingerprint"):
                return
            recipe = self.record["recipe"]
            held = split_corpus(corpus, recipe["held_out"], recipe.get("held_out_from", "end"))[1]
        except (OSError, ValueError, KeyError, TypeError):
            return
        yield from (document.text for document in held.documents)


def run_of(source: str | Path) -> RunFolder:
    """The run that `source` names, or that its model lies in."""
    for folder in (Path(source), Path(source).parent):
        if (folder / "run.json").is_file():
            return RunFolder(folder, read_object(folder / "run.json"))
    return RunFolder()


def chosen(steps: list[int], wanted: int | None) -> list[int]:
    """`wanted` of the steps in ascending order, first and last among them; None: all.

    They lie evenly in the logarithm of the step, since a model learns as much from step 20 to 40 as from 200 to 400.
    """
    if wanted is None or wanted >= len(steps):
        return steps
    if wanted == 1:
        return steps[:1]
    ratio = (steps[-1] / max(1, steps[0])) ** (1 / (wanted - 1))
    found: list[int] = []
    for number in range(wanted):
        target = max(1, steps[0]) * ratio**number
        left = [step for step in steps if step not in found and (not found or step > found[-1])]
        left = left[: len(left) - (wanted - number - 1)]  # so many must stay for the others
        found.append(min(left, key=lambda step: abs(step - target)))
    return found


def state_at(folder: Path, like: gpt2.GPT2) -> dict[str, Tensor]:
    """The weights of a checkpoint; ValueError where they are of another shape than the run's model."""
    model, _ = gpt2.load(folder)
    if model.config != like.config:
        raise ValueError(f"{folder}: wanted a checkpoint of the shape of the run's model, got another; take it away")
    return dict(model.named_parameters())


def _corpus(text: str | None, name: str | None) -> Corpus | None:
    if text is None:
        return embedded_text()
    if text.startswith("hf://"):
        return None
    paths = text_paths(text)
    if sum(path.stat().st_size for path in paths) > LARGE:
        return None
    if any(is_record_file(path) for path in paths):
        return Corpus(text, tuple(stream_text(text, field=name or "text")))
    return read_text(text)
