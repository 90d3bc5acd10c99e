"""What tuning learns from: packed examples, the order of which is arithmetic, and examples that are held out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Float
from torch import Tensor

from dataio import Batches
from gpt2 import GPT2, head_cross_entropy

from .examples import Example
from .losses.logit_rows import as_multiplied
from .packing import collated, fit, visible

Batch = tuple[Tensor, Tensor, Tensor, Tensor]


def packed_loss(model: GPT2, batch: Batch) -> tuple[Tensor, Tensor]:
    """Summed nats of the targets of a packed batch, and how many they are; each example is read as if it were alone.

    The head, a third of a small GPT-2's work, reads the states of learned tokens only."""
    state, targets = packed_states(model, batch), batch[1]
    real = targets >= 0
    return head_cross_entropy(state[real], as_multiplied(model.token_embedding), targets[real])


def packed_states(model: GPT2, batch: Batch) -> Float[Tensor, "B T C"]:
    """The final states of a packed batch: what a head reads. Each example is read as if it were alone."""
    tokens, _, positions, segments = batch
    state = model.dropout(model.token_embedding(tokens) + model.position_embedding(positions))
    return model.final_norm(model.decoder(state, mask=visible(segments)))


@dataclass(frozen=True)
class ExampleCurriculum:
    """Examples to learn from, `batch_size` rows of `n_ctx` tokens a step, and examples to judge by."""

    learned: tuple[Example, ...]
    judged: tuple[Example, ...]
    n_ctx: int
    batch_size: int
    steps: int
    seed: int
    micro_batch_size: int | None = None
    """Rows at a time (default: the whole batch)."""

    loss = staticmethod(packed_loss)

    @cached_property
    def batches(self) -> Batches:
        """The micro-batches of every step."""
        rows = _rows(self.learned, self.n_ctx)
        size = min(self.batch_size, len(rows))
        return Batches(rows, size, seed=self.seed, micro_batch_size=self.micro_batch_size, collate=collated)

    @property
    def held_out_bytes(self) -> int:
        """Bytes of the answers that are held out."""
        return sum(example.answer_bytes for example in self.judged)

    def steps_from(self, start: int) -> Iterator[Sequence[Batch]]:
        """Those of a run's steps that come after the first `start`."""
        with self.batches.from_step(start, self.steps) as stream:
            yield from stream

    def held_out(self) -> Iterator[Sequence[Batch]]:
        """Every answer that is held out, once."""
        rows = _rows(self.judged, self.n_ctx)
        for start in range(0, len(rows), self.batch_size):
            yield [collated(rows[start : start + self.batch_size])]


def _rows(examples: Sequence[Example], n_ctx: int) -> list[list[Example]]:
    packed = fit([len(example.ids) - 1 for example in examples], n_ctx)
    return [[examples[number] for number in row] for row in packed]


def rows_an_epoch(examples: Sequence[Example], n_ctx: int) -> int:
    """Rows that the examples fill."""
    return len(_rows(examples, n_ctx))
