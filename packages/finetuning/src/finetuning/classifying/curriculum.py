"""What a classifier learns from: labeled texts, `batch_size` a step, several short ones in a row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from torch import Tensor

from dataio import Batches
from trainkit import cross_entropy

from ..curriculum import Batch, packed_states
from ..packing import collated, fit
from .classifier import Classifier
from .labels import LabeledText

TextBatch = tuple[Tensor, ...]
"""A packed batch, and where labels have shares also these, [N, L], text after text."""


def label_loss(model: Classifier, batch: TextBatch) -> tuple[Tensor, Tensor]:
    """Summed nats of the labels of packed texts, and how many they are; the head sees last tokens alone.

    Where a label is shares, the nats are their mean by share: least where the model is as sure as the shares are."""
    packed, targets = cast(Batch, batch[:4]), batch[1]
    last = targets >= 0
    logits = model.score(packed_states(model.body, packed)[last])
    if len(batch) == 4:
        return cross_entropy(logits, targets[last])
    return -(batch[4] * logits.float().log_softmax(-1)).sum(), last.sum()


def collated_texts(texts: Sequence[LabeledText]) -> TextBatch:
    """Texts in rows of the longest one's length, by best fit."""
    room = max(len(text.ids) for text in texts)
    rows = fit([len(text.ids) for text in texts], room)
    packed = collated([[texts[n].example for n in row] for row in rows])
    size = max((len(text.shares) for text in texts if text.shares is not None), default=0)
    if not size:
        return packed
    shares = [
        texts[n].shares or [float(number == texts[n].label) for number in range(size)] for row in rows for n in row
    ]
    return *packed, torch.tensor(shares)


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

    def steps_from(self, start: int) -> Iterator[Sequence[TextBatch]]:
        """Those of a run's steps that come after the first `start`."""
        with self.batches.from_step(start, self.steps) as stream:
            yield from stream

    def held_out(self) -> Iterator[Sequence[TextBatch]]:
        """Every text that is held out, once."""
        for start in range(0, len(self.judged), self.batch_size):
            yield [collated_texts(self.judged[start : start + self.batch_size])]
