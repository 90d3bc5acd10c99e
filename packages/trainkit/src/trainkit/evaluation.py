"""Measuring a model without disturbing its training."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from tensors import fork_random

from .gradients import Loss, call, check_stream, checked, whole_number
from .machine.batch_device import autocast, device_of, move
from .processes.ranks import Spread, check_spread, even_out, sums_over_ranks


def bits_per_byte(nats: float, n_bytes: int) -> float:
    """Summed nats of a text's tokens over its bytes, in bits: nats / (ln 2 x bytes). Comparable across tokenizers."""
    if n_bytes < 1:
        raise ValueError(
            f"wanted the number of bytes that were scored, at least 1, got {n_bytes}; count the UTF-8 bytes"
        )
    return nats / (math.log(2) * n_bytes)


@dataclass(frozen=True)
class Evaluation:
    """A summed loss and the number of items that it was summed over."""

    total: float
    count: int | float

    @property
    def loss(self) -> float:
        return self.total / self.count

    @property
    def perplexity(self) -> float:
        """exp(loss); infinite where that overflows."""
        return math.exp(self.loss) if self.loss < 700 else math.inf

    def bits_per_byte(self, n_bytes: int) -> float:
        return bits_per_byte(self.total, n_bytes)

    def __float__(self) -> float:
        return self.loss


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """`model.eval()` and inference mode inside; every submodule's own mode and all random state restored after."""
    modes = [(module, module.training) for module in model.modules()]
    # What FSDP2 allocates for the first forward pass it uses again for training, which refuses inference tensors.
    without_gradients = torch.no_grad if isinstance(model, Spread) else torch.inference_mode
    try:
        model.eval()
        with fork_random("evaluate"), without_gradients():
            yield
    finally:
        if isinstance(model, Spread):
            model.reshard()
        for module, training in modes:
            module.training = training


def evaluate(
    model: nn.Module,
    batches: Iterable[Sequence[Any]],
    loss: Loss,
    *,
    device: torch.device | str | None = None,
    precision: torch.dtype | None = None,
) -> Evaluation:
    """Sum `loss` over `batches`, elements as for `train_steps`: lists of micro-batches.

    Totals and counts are added up before the one division, so an uneven last batch weighs what it holds.
    Deterministic: random draws of `batches` or the model start from the same state in every call.
    """
    check_stream(batches)
    check_spread(model)
    place = device or device_of(model)
    triples = []
    with evaluating(model):
        for micro_batches in batches:
            for batch, weight in even_out(checked(micro_batches), model):
                with autocast(place, precision):
                    triples.append((*call(model, loss, move(batch, place)), weight))
        sums = [sum(float(total) * n for total, _, n in triples), sum(float(count) * n for _, count, n in triples)]
    total, count = sums_over_ranks(sums, model)
    if not count > 0:
        raise ValueError(
            f"wanted at least one item to evaluate, got {len(triples)} batches with a count of {count:g}; "
            f"check that the data are not empty and that not every target is ignored"
        )
    return Evaluation(total, whole_number(count))
