"""The small texts that the contract tries: fixed, alone or in ragged batches, on the device of the model's cache."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ..protocols import LanguageModel


def times(model: LanguageModel) -> Iterator[int]:
    """Lengths of single texts, from the smallest up."""
    yield from (time for time in (1, 2, 3, 7) if time <= model.n_ctx)


def ragged(model: LanguageModel) -> Iterator[list[int]]:
    """Lengths of batches that leave room for two more tokens, from the smallest up."""
    most = max(1, model.n_ctx - 2)
    yield from ([min(n, most) for n in lengths] for lengths in ([1], [1, 2], [3, 1], [2, 5, 1, 4]))


def text(model: LanguageModel, row: int, time: int) -> Tensor:
    """The first `time` tokens of the text that stands in row `row` of every batch here, as a batch of one."""
    generator = torch.Generator().manual_seed(row + 1)
    tokens = torch.randint(model.n_vocab, (1, model.n_ctx + 1), generator=generator)
    return tokens[:, :time].to(model.new_cache(1, 1).lengths.device)


def texts(model: LanguageModel, rows: int, time: int) -> Tensor:
    """Rows 0 to `rows` - 1, equally long."""
    return torch.cat([text(model, row, time) for row in range(rows)])


def padded(model: LanguageModel, lengths: list[int], padding: int) -> Tensor:
    """A ragged batch, filled up on the right with the id `padding`."""
    tokens = texts(model, len(lengths), max(lengths))
    for row, length in zip(tokens, lengths, strict=True):
        row[length:] = padding
    return tokens


def filled_cache(model: LanguageModel, lengths: list[int], extra: int) -> Any:
    """A cache that holds a ragged batch and has room for `extra` tokens more."""
    cache = model.new_cache(len(lengths), max(lengths) + extra)
    model(padded(model, lengths, 0), cache=cache, lengths=lengths_tensor(model, lengths))
    return cache


def lengths_tensor(model: LanguageModel, lengths: list[int]) -> Tensor:
    """The lengths as the model takes them."""
    return torch.tensor(lengths, device=model.new_cache(1, 1).lengths.device)
