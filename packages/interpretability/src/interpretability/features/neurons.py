"""What excites a neuron of the feed-forward layers, and what it then speaks for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from gpt2 import GPT2

from ..places import blocks_of
from ..trace import tracing
from .passages import TopPassages


def top_passages(model: GPT2, windows: Iterable[Int[Tensor, "_ T"]], k: int = 8) -> list[TopPassages]:
    """For each block the `k` best passages of each of its 4 n_embd neurons, over all windows, which are asked for one
    batch after the other: so a corpus of any length does. Activations are those after GELU.

    Judge by several passages: a neuron may be about more than one thing (Bolukbasi et al. 2021, arXiv 2104.07143).
    """
    blocks = [TopPassages(4 * model.config.n_embd, k) for _ in blocks_of(model)]
    with torch.no_grad(), tracing(model, "*.feed_forward.hidden") as record:
        for tokens in windows:
            model.hidden(tokens)
            for layer, block in enumerate(blocks):
                block.add(record[f"{layer}.feed_forward.hidden"], tokens)
    if not blocks[0].n_tokens:
        raise ValueError("wanted windows of at least one token, got none; give a longer text")
    return blocks


@torch.no_grad()
def mean_at(
    model: GPT2, windows: Int[Tensor, "N T"], peaks: Mapping[tuple[int, int], Sequence[tuple[int, int]]]
) -> dict[tuple[int, int], float]:
    """How high each neuron (layer and number) is, on average, at its own tokens of `windows` (row and place). Only the
    rows that some neuron asks for are computed."""
    wanted = sorted({row for places in peaks.values() for row, _ in places})
    found: dict[int, dict[str, Tensor]] = {}
    with tracing(model, "*.feed_forward.hidden") as record:
        for row in wanted:
            model.hidden(windows[row : row + 1])
            found[row] = dict(record)
    return {
        (layer, neuron): sum(float(found[row][f"{layer}.feed_forward.hidden"][0, at, neuron]) for row, at in places)
        / len(places)
        for (layer, neuron), places in peaks.items()
    }


def most_selective(blocks: list[TopPassages], count: int) -> list[tuple[int, int]]:
    """Layer and number of the neurons that stand out most from their usual activation, over all blocks."""
    standing = torch.stack([block.standing_out for block in blocks])
    order = standing.flatten().topk(min(count, standing.numel())).indices.tolist()
    return [divmod(place, standing.shape[1]) for place in order]


def read_neuron(name: str, model: GPT2) -> tuple[int, int]:
    """Layer and number out of `LAYER.NEURON`; ValueError for a neuron that the model has not."""
    layer, _, neuron = name.partition(".")
    n_layer, width = len(blocks_of(model)), 4 * model.config.n_embd
    known = layer.isdecimal() and neuron.isdecimal() and int(layer) < n_layer and int(neuron) < width
    if not known:
        raise ValueError(
            f"neuron: wanted LAYER.NEURON with layers 0..{n_layer - 1} and neurons 0..{width - 1}, got {name!r}; write "
            "one such as 0.7"
        )
    return int(layer), int(neuron)


@torch.no_grad()
def promoted_tokens(model: GPT2, layer: int, neuron: int, count: int = 8) -> list[tuple[int, float]]:
    """The tokens whose logit a neuron raises most, above the mean of all: what it writes to the stream, times the gains
    of the final norm, against each token's vector (Geva et al. 2022, arXiv 2203.14680)."""
    down: Any = blocks_of(model)[layer].feed_forward.down
    written = down.weight[:, neuron] * model.final_norm.weight
    logits = model.token_embedding.logits(written - written.mean()).float()
    values, ids = (logits - logits.mean()).topk(min(count, len(logits)))
    return list(zip(ids.tolist(), values.tolist(), strict=True))
