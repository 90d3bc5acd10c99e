"""What the model would say if it stopped here: the stream at each place, read by the model's own head.

The plain lens (nostalgebraist 2020, "interpreting GPT: the logit lens") puts the final norm and the head on any place
of the stream. Early streams are not written for the head, so much of what it reads there is noise. The tuned lens
(Belrose et al. 2023, arXiv 2303.08112) first moves the stream by one affine map a place, which is fitted so that what
is read comes as near to what the model says in the end as it can.

    stream at a place [C] ─ (tuned: + A stream + b) ─ final norm ─ head ─ logits [V]
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gpt2 import GPT2

from ..places import blocks_of
from ..trace import tracing


def lens_places(model: GPT2) -> list[str]:
    """The places of the stream that are read: the embedding, then the middle and the end of each block."""
    return ["0.resid_pre"] + [f"{layer}.resid_{at}" for layer in range(len(blocks_of(model))) for at in ("mid", "post")]


@dataclass(frozen=True)
class Translator:
    """The affine map of a place: stream + stream A + b, toward the last stream."""

    matrix: Float[Tensor, "C C"]
    bias: Float[Tensor, " C"]

    def __call__(self, stream: Float[Tensor, "... C"]) -> Float[Tensor, "... C"]:
        return stream + stream @ self.matrix + self.bias


TunedLens = dict[str, Translator]
"""A map for each place but the last, which is the end itself."""


@torch.no_grad()
def read_lens(
    model: GPT2, tokens: Int[Tensor, "B T"], tuned: TunedLens | None = None
) -> dict[str, Float[Tensor, "B T V"]]:
    """Log-probabilities of the next token as read at every place of `lens_places`, the last of which are the model's.

    tuned: the maps of a tuned lens (default: the plain lens). ValueError where they are another model's.
    """
    check_fits(model, tuned)
    places = lens_places(model)
    with tracing(model, places) as record:
        model(tokens)
    return {place: _read(model, place, record[place], tuned) for place in places}


@torch.no_grad()
def lens_divergences(
    model: GPT2, windows: Sequence[Int[Tensor, "_ T"]], tuned: TunedLens | None = None
) -> dict[str, float]:
    """For each place the mean over all tokens of KL(end || lens) in nats: how much of what the model says in the end
    the lens does not read there yet. Places are read one after the other, so that one [B, T, V] is held at a time."""
    check_fits(model, tuned)
    places = lens_places(model)
    sums, count = dict.fromkeys(places, 0.0), 0
    for tokens in windows:
        with tracing(model, places) as record:
            end = model(tokens).float().log_softmax(-1)
        count += tokens.numel()
        for place in places:
            seen = _read(model, place, record[place], tuned)
            sums[place] += float(nn.functional.kl_div(seen, end, reduction="sum", log_target=True))
    if not count:
        raise ValueError("wanted windows of at least one token, got none; give a longer text")
    return {place: total / count for place, total in sums.items()}


def head_of(model: GPT2, stream: Float[Tensor, "... C"]) -> Float[Tensor, "... V"]:
    """What the final norm and the head make of a stream."""
    return model.token_embedding.logits(model.final_norm(stream)).float()


def check_fits(model: GPT2, tuned: TunedLens | None) -> None:
    """ValueError for a lens of another shape of model."""
    if tuned is None:
        return
    places, width = lens_places(model)[:-1], model.config.n_embd
    widths = {len(one.bias) for one in tuned.values()}
    if list(tuned) != places or widths != {width}:
        raise ValueError(
            f"lens: wanted one for {len(places)} places of width {width}, got one for {len(tuned)} of width "
            f"{sorted(widths)}; it was tuned for another model: tune one for this"
        )


def _read(model: GPT2, place: str, stream: Tensor, tuned: TunedLens | None) -> Tensor:
    if tuned is not None and place in tuned:
        stream = tuned[place](stream.float())
    return head_of(model, stream).log_softmax(-1)
