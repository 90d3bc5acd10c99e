"""What a run learns from: the batches of every step, the loss, and what is held out to judge it.

`Curriculum` is what `Run` asks for; `TextCurriculum` answers it for a text. Batches are arithmetic in (seed, step), so
that those of any step are there without the steps before it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Int64
from torch import Tensor

from dataio import Batches
from trainkit import n_ranks

from ..machine.processes import filled
from ..model import GPT2
from ..recipes import Recipe
from ..texts.prepared import TrainingText

TOKENS = 4096
"""Held-out tokens that are judged at a time."""


@runtime_checkable
class Curriculum(Protocol):
    """What a run learns from, whatever that is: a text, labeled examples, conversations."""

    @property
    def steps(self) -> int:
        """Optimizer steps in all."""

    @property
    def held_out_bytes(self) -> int | None:
        """Bytes of text that are held out, for bits per byte; None where they mean nothing."""

    def loss(self, model: Any, batch: Any) -> tuple[Tensor, Tensor]:
        """The loss of trainkit's seam: a sum over a micro-batch, and how many items it is over."""

    def steps_from(self, start: int) -> Iterator[Sequence[Any]]:
        """The micro-batches of each step after the first `start` ones, the same however a run came there. Of several
        processes each gets its own part of every step."""

    def held_out(self) -> Iterable[Sequence[Any]]:
        """Micro-batches to judge the model by, in lists as `steps_from` gives them; equally many lists in each of
        several processes, none of them empty."""


def model_loss(model: GPT2, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Summed nats of a batch's targets, and how many they are."""
    return model.loss(*batch)


@dataclass(frozen=True)
class TextCurriculum:
    """Windows of a text, each step's by the recipe and the seed."""

    text: TrainingText
    recipe: Recipe
    n_ctx: int
    """Tokens of a window: the model's context."""
    seed: int
    micro_batch_size: int | None = None
    """Windows at a time (default: the whole batch)."""

    loss = staticmethod(model_loss)

    @property
    def steps(self) -> int:
        return self.recipe.steps

    @property
    def held_out_bytes(self) -> int:
        return self.text.held_out_bytes

    def batches(self, parts: int = 1, halves: int = 1) -> Batches:
        """The training batches, every window cut into `parts` windows of their own; halves: a batch is cut into so many
        steps. ValueError where the text is too short for one."""
        micro = self.micro_batch_size and self.micro_batch_size * parts
        shifted = self.recipe.shift_windows
        size = self.recipe.batch_size // halves
        return self.text.batches(size * parts, self.n_ctx // parts, self.seed, micro, shifted)

    def steps_from(self, start: int) -> Iterator[list[tuple[Tensor, ...]]]:
        """First those of half the context and of half the batch, as many as the recipe says."""
        for parts, halves, begin, end in phases(self.recipe, start):
            yield from self._phase(parts, halves, begin, end)

    def _phase(self, parts: int, halves: int, begin: int, end: int) -> Iterator[list[tuple[Tensor, ...]]]:
        kept = self.recipe.keep_positions
        before = 0 if halves > 1 else self.recipe.half_batches // 2  # whole batches that the half ones make up for
        with self.batches(1 if kept else parts, halves).from_step(begin - before, end - before) as stream:
            for step in stream:
                yield [cut(batch[0], batch[1], parts) for batch in step] if kept and parts > 1 else step

    def samples(self, start: int) -> list[tuple[tuple[Tensor, ...], int]]:
        """For each phase to come a micro-batch of its shape, and how many there will be."""
        coming = phases(self.recipe, start)
        firsts = [(next(self._phase(parts, halves, a, a + 1)), b - a) for parts, halves, a, b in coming]
        return [(step[0], len(step) * steps) for step, steps in firsts if step]

    def held_out(self) -> Iterator[list[tuple[Tensor, Tensor]]]:
        """Every held-out token as a target once, in non-overlapping windows."""
        return filled(self.text.evaluation_batches(self.n_ctx, max(n_ranks(), TOKENS // self.n_ctx)), self.n_ctx)


def cut(inputs: Int64[Tensor, "B T"], targets: Int64[Tensor, "B T"], parts: int) -> tuple[Tensor, Tensor, Tensor]:
    """Each window as so many rows of its own, with the position in the window where each begins. Tokens that are left
    over at the end stay out."""
    length = inputs.shape[1] // parts
    starts = torch.arange(parts) * length
    rows, following = (side[:, : parts * length].reshape(-1, length) for side in (inputs, targets))
    return rows, following, starts.repeat(len(inputs))


def phases(recipe: Recipe, start: int) -> list[tuple[int, int, int, int]]:
    """(parts that windows are cut into, steps that a batch is cut into, first step, step after the last) of what comes
    from `start` on."""
    cut_until, halved_until = round(recipe.steps * recipe.half_context), recipe.half_batches
    bounds = sorted({max(0, start), *(b for b in (cut_until, halved_until, recipe.steps) if b > start)})
    return [(1 + (a < cut_until), 1 + (a < halved_until), a, b) for a, b in pairwise(bounds)]
