"""What a classifier learns from: labeled texts, `batch_size` a step, several short ones in a row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from dataio import Batches
from trainkit import cross_entropy

from ..curriculum import Batch, packed_states
from ..packing import collated, fit
from .classifier import Classifier
from .labels import LabeledText


def label_loss(model: Classifier, batch: Batch) -> tuple[Tensor, Tensor]:
    """Summed nats of the labels of packed texts, and how many they are; the head sees last tokens alone."""
    targets = batch[1]
    last = targets >= 0
    return cross_entropy(model.score(packed_states(model.body, batch)[last]), targets[last])


def collated_texts(texts: Sequence[LabeledText]) -> Batch:
    """Texts in rows of the longest one's length, by best fit."""
    room = max(len(text.ids) for text in texts)
    return collated([[texts[n].example for n in row] for row in fit([len(text.ids) for text in texts], room)])


@dataclass(frozen=True)
class LabelCurriculum:
    """Texts to learn from, `batch_size` a step, and texts to judge by: `gpt2.Curriculum`."""

    learned: tuple[LabeledText, ...]
    judged: tuple[LabeledText, ...]
    batch_size: int
    steps: int
    seed: int
    micro_batch_size: int | None = None
    """Texts at a time (default: the whole batch)."""

    loss = staticmethod(label_loss)
    held_out_bytes = None

    @cached_property
    def batches(self) -> Batches:
        """The micro-batches of every step."""
        size = min(self.batch_size, len(self.learned))
        micro = self.micro_batch_size
        return Batches(self.learned, size, seed=self.seed, micro_batch_size=micro, collate=collated_texts)

    def steps_from(self, start: int) -> Iterator[Sequence[Batch]]:
        """Those of a run's steps that come after the first `start`."""
        with self.batches.from_step(start, self.steps) as stream:
            yield from stream

    def held_out(self) -> Iterator[Sequence[Batch]]:
        """Every text that is held out, once."""
        for start in range(0, len(self.judged), self.batch_size):
            yield [collated_texts(self.judged[start : start + self.batch_size])]
