"""Where heads look: the weights of every layer of a model, and numbers that sum them up."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..multi_head import MultiHeadAttention


@contextmanager
def record_maps(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """While the body runs, every `MultiHeadAttention` in `model` also leaves its weights [B, H, T, S], by its name and
    without gradients, in the dict that is returned; outputs stay what they were. A second call of the model overwrites
    them. ValueError when the model is called with a cache, which holds keys that no map could name."""
    maps: dict[str, Tensor] = {}

    def recorder(name: str) -> Any:
        def record(layer: Any, given: Any, named: Any) -> None:
            arguments = dict(zip(("x", "mask", "cache"), given, strict=False)) | named
            if arguments.pop("cache", None) is not None:
                raise ValueError("wanted a call without a cache; got one with; record the whole text at once")
            with torch.no_grad():
                maps[name] = layer.attend_maps(**arguments)

        return record

    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, MultiHeadAttention)]
    hooks = [layer.register_forward_pre_hook(recorder(name), with_kwargs=True) for name, layer in layers]
    try:
        yield maps
    finally:
        for hook in hooks:
            hook.remove()


@dataclass(frozen=True)
class HeadScores:
    """One number a head, [H], averaged over rows and queries: `entropy` in nats (0: a single key, log S: all alike),
    `distance` in tokens, and `previous`, the share that goes to the token before."""

    entropy: Tensor
    distance: Tensor
    previous: Tensor


def head_scores(weights: Float[Tensor, "B H T S"]) -> HeadScores:
    """How each head of a map of a text to itself looks. ValueError for a map to another text, or of one token."""
    length = weights.shape[-1]
    if weights.shape[-2] != length or length < 2:
        raise ValueError(
            f"wanted a map [B, H, T, T] of two tokens or more; got {list(weights.shape)}; "
            "score the attention of a text to itself"
        )
    places = torch.arange(length, device=weights.device)
    distance = (places[:, None] - places).abs()
    return HeadScores(
        entropy=torch.special.entr(weights).sum(dim=-1).mean(dim=(0, 2)),
        distance=(weights * distance).sum(dim=-1).mean(dim=(0, 2)),
        previous=weights.diagonal(offset=-1, dim1=-2, dim2=-1).mean(dim=(0, 2)),
    )


def induction_scores(weights: Float[Tensor, "B H T T"], period: int) -> Float[Tensor, " H"]:
    """How far each head copies on, [H], 0 to 1, on a text that repeats itself every `period` tokens: the share of
    attention that goes to the tokens that came after the earlier occurrences of the one that looks, averaged over rows
    and over queries from the first repetition on.

    On tokens drawn at random, `torch.randint(n_vocab, (B, period)).repeat(1, 2)`, nothing else tells a model what comes
    next: a head near 1 is an induction head (Olsson et al. 2022, "In-context Learning and Induction Heads", its prefix
    matching score). ValueError for a map to another text, or a text that does not get to its repetition.
    """
    length = weights.shape[-1]
    if weights.shape[-2] != length or not 1 < period < length:
        raise ValueError(
            f"wanted a map [B, H, T, T] and a period from 2 to T - 1; got {list(weights.shape)} and {period}; "
            "record a text that goes on for a while after it has begun to repeat itself"
        )
    places = torch.arange(length, device=weights.device)
    distance = places[period:, None] - places
    after = (distance > 0) & ((distance + 1) % period == 0) & (places > 0)  # the first token came after none
    return (weights[..., period:, :] * after).sum(dim=-1).mean(dim=(0, 2))


def rollout(maps: Sequence[Float[Tensor, "B H T T"]]) -> Float[Tensor, "B T T"]:
    """How much of each input token reaches each output token through all layers, first to last: heads averaged, half of
    every layer passing straight through (Abnar & Zuidema 2020, section 3)."""
    if not maps:
        raise ValueError("wanted the maps of one layer or more; got none; record them with record_maps")
    reached = torch.eye(maps[0].shape[-1], dtype=maps[0].dtype, device=maps[0].device).expand(len(maps[0]), -1, -1)
    for weights in maps:
        reached = (reached + weights.mean(dim=1) @ reached) / 2
    return reached
