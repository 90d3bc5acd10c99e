"""From logits to one id per row: the likeliest, or one drawn with a generator that belongs to the row."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from .histories import Histories
from .pipeline import Transform


def greedy(logits: Float[Tensor, "B V"]) -> Int[Tensor, " B"]:
    """The likeliest id of each row; of equally likely ones the lowest, as in transformers."""
    return logits.argmax(dim=-1)


def sample(logits: Float[Tensor, "B V"], uniforms: Float[Tensor, " B"]) -> Int[Tensor, " B"]:
    """The id at which each row's cumulative distribution passes its uniform number in [0, 1).

    Inverse transform sampling (Devroye 1986, "Non-Uniform Random Variate Generation", chapter II.2). One number per row
    and token makes a row's draws its own: `torch.multinomial` on the batch would tie them to the neighbours.
    A token of probability zero is never drawn.
    """
    precision = torch.float32 if logits.device.type == "mps" else torch.float64  # MPS has no float64
    cumulative = logits.softmax(dim=-1).to(precision).cumsum(dim=-1)
    # Scaled by the last value, which rounding leaves near 1; `right` skips tokens that add nothing to the sum.
    threshold = uniforms.to(cumulative)[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, threshold, right=True).squeeze(-1).clamp(max=logits.shape[-1] - 1)


def draw_uniforms(generators: Sequence[Generator]) -> Float[Tensor, " B"]:
    """The next uniform number in [0, 1) of each generator (float64, on the CPU)."""
    return torch.stack([torch.rand((), generator=generator, dtype=torch.float64) for generator in generators])


def processed(
    logits: Float[Tensor, "B V"],
    transforms: Sequence[Transform],
    past: Histories,
    generators: Sequence[Generator],
    *,
    may_ban_all: bool = False,
) -> Float[Tensor, "B V"]:
    """The logits after all transforms. ValueError on logits that are no distribution (NaN, or +inf, or all -inf), and
    where the transforms left no token to choose (unless they may)."""
    _check_rows(logits, "wanted finite logits", "check the model's weights and number format")
    for transform in transforms:
        logits = transform.change(logits, past, *((draw_uniforms(generators),) if transform.draws else ()))
    if transforms and not may_ban_all:
        names = ", ".join(one.name for one in transforms)
        _check_rows(logits, "wanted at least one token that may come", f"{names} ban them all: allow one")
    return logits


def _check_rows(logits: Float[Tensor, "B V"], wanted: str, advice: str) -> None:
    finite = logits.amax(dim=-1).isfinite()
    if not finite.all():
        row = int(finite.logical_not().nonzero()[0])
        raise ValueError(
            f"{wanted}, got a largest logit of {logits[row].amax().item()} in row {row} of {len(logits)}; {advice}"
        )
