"""Who wrote a logit: its exact sum over the embeddings, every head, every feed-forward layer and the biases.

The stream is a sum, and a logit reads it along one direction: its token's row in the head. Only the final norm stands
between, and once its scale is held at what it was, it is linear, too. So with x the last stream, m and s its mean and
deviation at a token, g and b the norm's weight and bias, and w the row of the token in question,

    logit = w · (g (x - m) / s + b) = Σ over the parts p of x:  p · d / s,  and w · b,     d = g w - mean(g w)

since the mean of x falls away in a product with d, whose mean is 0 (the decomposition of Elhage et al. 2021, "A
Mathematical Framework for Transformer Circuits"; known as direct logit attribution). It says what each part wrote, not
what would become of the text without it: later parts read it, too. For that there is ablation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gpt2 import GPT2
from trainkit import evaluating

from .places import blocks_of
from .trace import check_float, tracing


@dataclass(frozen=True)
class Attribution:
    """Parts of logits, [B, T, P] in float64, the parts' names, and the logits that they add up to, [B, T]: those after
    each token."""

    names: tuple[str, ...]
    parts: Float[Tensor, "B T P"]
    logits: Float[Tensor, "B T"]

    def largest(self, row: int = 0, token: int = -1) -> list[tuple[str, float]]:
        """The parts at one token with their names, the largest first, whichever their sign."""
        values = self.parts[row, token]
        return [(self.names[i], float(values[i])) for i in values.abs().argsort(descending=True).tolist()]


@dataclass(frozen=True)
class Direction:
    """What a logit reads off the last stream at every token, with the norm's scale in it: d / s, [B, T, C] in float64;
    and what it has of the norm's bias, [B, T]."""

    vector: Tensor
    bias: Tensor

    def of(self, written: Tensor) -> Tensor:
        """What was written to the stream, [..., C], as parts of the logit."""
        return (written.double() * self.vector).sum(dim=-1)

    def through(self, linear: nn.Linear) -> Tensor:
        """The direction as what a linear layer reads sees it: [B, T, in]."""
        return self.vector @ linear.weight.double()


@torch.no_grad()
def attribute(
    model: GPT2, tokens: Int[Tensor, "B T"], targets: Int[Tensor, "..."], against: Int[Tensor, "..."] | None = None
) -> Attribution:
    """The logit of `targets[b, t]` after token t, less that of `against[b, t]` if given, as a sum of parts.

    Parts are `embed`, `positions`, `0.head.0` …, `0.feed_forward` …, `biases` (those of the layers' outputs) and
    `final_norm.bias`. They add up to the logit within rounding: 1e-5, as tested. Nothing depends on dropout, and
    gradients are not made. ValueError for a quantized model, whose products are not linear, and for shapes that differ.
    """
    check_float(model, "attribution")
    record, direction, logits = read_direction(model, tokens, targets, against)
    names, parts = ["embed", "positions"], [direction.of(record["embed"]), direction.of(record["positions"])]
    biases = torch.zeros_like(direction.bias)
    for layer, block in enumerate(blocks_of(model)):
        heads = record[f"{layer}.attention.heads"]
        by_head = direction.through(block.attention.out).unflatten(-1, heads.shape[-2:])
        parts += (heads.double() * by_head).sum(dim=-1).unbind(dim=-1)
        hidden = record[f"{layer}.feed_forward.hidden"]
        parts.append((hidden.double() * direction.through(block.feed_forward.down)).sum(dim=-1))
        names += [f"{layer}.head.{head}" for head in range(heads.shape[-2])] + [f"{layer}.feed_forward"]
        biases = biases + sum(direction.of(m.bias) for m in (block.attention.out, block.feed_forward.down))
    parts += [biases, direction.bias]
    return Attribution((*names, "biases", "final_norm.bias"), torch.stack(parts, dim=-1), logits)


@torch.no_grad()
def attribute_neurons(
    model: GPT2,
    tokens: Int[Tensor, "B T"],
    targets: Int[Tensor, "..."],
    layer: int,
    against: Int[Tensor, "..."] | None = None,
) -> Float[Tensor, "B T neurons"]:
    """What each neuron of a feed-forward layer wrote of a logit; their sum is the part `L.feed_forward` of `attribute`.
    ValueError as there, and for a layer that the model has not."""
    check_float(model, "attribution")
    blocks = blocks_of(model)
    if not 0 <= layer < len(blocks):
        raise ValueError(f"layer: wanted 0 to {len(blocks) - 1}, got {layer}; this model has {len(blocks)} blocks")
    record, direction, _ = read_direction(model, tokens, targets, against)
    down: Any = blocks[layer].feed_forward.down
    return record[f"{layer}.feed_forward.hidden"].double() * direction.through(down)


def read_direction(
    model: GPT2, tokens: Tensor, targets: Tensor, against: Tensor | None, also: Sequence[str] = ()
) -> tuple[dict[str, Tensor], Direction, Tensor]:
    """One pass over the tokens: what stands at the places that attribution reads (and `also`), what the logits of the
    targets read off the last stream, and these logits."""
    for name, ids in (("targets", targets), ("against", targets if against is None else against)):
        if ids.shape != tokens.shape:
            raise ValueError(f"{name}: wanted one id for each token, {list(tokens.shape)}, got {list(ids.shape)}")
        if ids.min() < 0 or ids.max() >= model.n_vocab:
            raise ValueError(
                f"{name}: wanted ids from 0 to {model.n_vocab - 1}, got {int(ids.min())} to {int(ids.max())}; encode "
                "with the model's tokenizer"
            )
    last = f"{len(blocks_of(model)) - 1}.resid_post"
    places = ["embed", "positions", "*.attention.heads", "*.feed_forward.hidden", last, *also]
    with evaluating(model), tracing(model, places) as record:
        made = model(tokens)
        norm, table = model.final_norm, model.token_embedding.weight
        rows, logits = table[targets].double(), made.gather(-1, targets[..., None])[..., 0]
        if against is not None:
            rows = rows - table[against].double()
            logits = logits - made.gather(-1, against[..., None])[..., 0]
        direction = rows * norm.weight.double()
        scale = torch.sqrt(record[last].double().var(dim=-1, unbiased=False, keepdim=True) + norm.eps)
        vector = (direction - direction.mean(dim=-1, keepdim=True)) / scale
        return record, Direction(vector, rows @ norm.bias.double()), logits
