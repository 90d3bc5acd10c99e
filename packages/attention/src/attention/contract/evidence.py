"""What a broken claim says for itself, and the inputs that bring it to light."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .subjects import Shape, Subject

Claim = Callable[[Subject, Shape], str | None]


def differ(got: Tensor, wanted: Tensor, what: str, tolerance: float = 1e-5) -> str | None:
    """Evidence, `what` and the distance, where two outputs are further apart than `tolerance`, relative to the larger
    ones."""
    if got.shape != wanted.shape:
        return f"an output of shape {list(wanted.shape)} was due, {list(got.shape)} came"
    if not got.numel():
        return None
    allowed = tolerance * max(1.0, wanted.abs().max().item())
    distance = (got - wanted).abs().max().item()
    return None if distance <= allowed else f"{what} {distance:.2g} (allowed {allowed:.1g})"


def span(inputs: Sequence[Tensor], start: int, stop: int | None = None) -> tuple[Tensor, ...]:
    return tuple(x[..., start:stop, :] for x in inputs)


def joined(before: Sequence[Tensor], after: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple(torch.cat(parts, dim=-2) for parts in zip(before, after, strict=True))


def strange(subject: Subject, shape: Shape) -> tuple[Tensor, ...]:
    return tuple(100 * x for x in subject.inputs(shape, seed=1))
