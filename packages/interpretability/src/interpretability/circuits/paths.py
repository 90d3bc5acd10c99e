"""What reached a logit through the heads of one layer: which part wrote what a head read, at which token.

With a head's pattern and the norms' scales held at what they were, a head is linear in the stream that it reads, so
what it wrote of a logit is an exact sum over the parts of that stream at every token that it looked at (the path
expansion of Elhage et al. 2021). A feed-forward layer is not linear: no sum goes through one.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gpt2 import GPT2

from ..attribution import read_direction
from ..places import blocks_of
from ..trace import check_float, head_writes


@dataclass(frozen=True)
class Paths:
    """Parts of one logit that came through the heads of one layer, [P, H, S] in float64: which part below wrote it
    (`names`), through which head, from which token. Summed over parts and tokens they are what `attribute` says of the
    heads."""

    names: tuple[str, ...]
    values: Float[Tensor, "P H S"]


@torch.no_grad()
def attribute_paths(
    model: GPT2, tokens: Int[Tensor, "B T"], target: int, layer: int, *, token: int = -1, against: int | None = None
) -> Paths:
    """The logit of `target` after one token (default: the last), less that of `against` if given, as far as the heads
    of `layer` wrote it.

    Parts are `embed`, `positions`, and of each layer below `0.head.0` …, `0.feed_forward` and `0.biases`; `biases` are
    those of this layer's norm and values. ValueError for a quantized model, for more than one row, and for a layer or
    token that is not there.
    """
    check_float(model, "path attribution")
    blocks, (rows, length) = blocks_of(model), tokens.shape
    if rows != 1 or not -length <= token < length:
        raise ValueError(f"wanted one row and a token of it, -{length} to {length - 1}, got {rows} rows and {token}")
    if not 0 <= layer < len(blocks):
        raise ValueError(f"layer: wanted 0 to {len(blocks) - 1}, got {layer}; this model has {len(blocks)} blocks")
    ids = [None if each is None else torch.full_like(tokens, each) for each in (target, against)]
    also = [f"{layer}.attention.pattern", f"{layer}.resid_pre"]
    record, direction, _ = read_direction(model, tokens, ids[0], ids[1], also)  # type: ignore[arg-type]
    block: Any = blocks[layer]
    norm, attention, width = block.attention_norm, block.attention, model.config.n_embd
    by_head = direction.through(attention.out)[0, token].unflatten(-1, (attention.n_head, -1))  # [H, D]
    values_rows = attention.qkv.weight[2 * width :].double().unflatten(0, by_head.shape)  # [H, D, C]
    reads = torch.einsum("hd,hdc->hc", by_head, values_rows)
    constant = reads @ norm.bias.double()
    if attention.qkv.bias is not None:
        constant = constant + (by_head * attention.qkv.bias[2 * width :].double().view(by_head.shape)).sum(-1)
    reads = reads * norm.weight.double()
    reads = reads - reads.mean(dim=-1, keepdim=True)
    stream = record[f"{layer}.resid_pre"][0].double()
    scale = torch.sqrt(stream.var(dim=-1, unbiased=False) + norm.eps)  # [S]
    looks = record[f"{layer}.attention.pattern"][0, :, token].double()  # [H, S]
    names, written = _below(model, layer, record)
    through = torch.einsum("psc,hc->phs", written, reads) * (looks / scale)
    return Paths((*names, "biases"), torch.cat([through, (looks * constant[:, None])[None]]))


def _below(model: GPT2, layer: int, record: dict[str, Tensor]) -> tuple[list[str], Float[Tensor, "P S C"]]:
    """What each part below `layer` wrote to the stream of the one row."""
    names, written = ["embed", "positions"], [record["embed"][0].double(), record["positions"][0].double()]
    for number in range(layer):
        block: Any = blocks_of(model)[number]
        hidden, down, out = record[f"{number}.feed_forward.hidden"][0], block.feed_forward.down, block.attention.out
        heads = head_writes(model, number, record[f"{number}.attention.heads"])[0].double()
        written += [*heads.unbind(dim=1), hidden.double() @ down.weight.double().T]
        written.append((out.bias + down.bias).double().expand_as(written[0]))
        names += [f"{number}.head.{head}" for head in range(heads.shape[1])]
        names += [f"{number}.feed_forward", f"{number}.biases"]
    return names, torch.stack(written)
