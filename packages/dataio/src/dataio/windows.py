"""A flat run of tokens seen as training examples: pieces of fixed length with their next tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from tensors import IGNORED as IGNORED

from .order import Order
from .permutation import permute
from .texts.packing import document_places
from .tokens.files import give_back_pages, mapped_file, read_tokens
from .tokens.reading import TokenShards

MAPPED_BYTES = 2**26  # of files, in memory at most
AROUND = 2**16  # bytes that Linux maps around each place that is read


class TokenWindows:
    """Dataset of (inputs, targets), each int64 of `length` tokens; targets are the inputs shifted by one.

    With `end_of_text` of (inputs, targets, document ids, positions), see `document_places`: to keep the documents of a
    window apart.

    Example i starts at token i x stride. With the default stride, the length, windows do not overlap and no token
    is a target twice; a smaller stride gives overlapping windows, a larger one skips tokens.

    Args:
        tokens: 1-D integer array or `TokenShards`; a memory-mapped file is read only where a window lies.
        length: tokens of input per example, T.
        stride: distance between the starts of two windows; the length unless given.
        ragged: keep the last, shorter window too, padded on the right (inputs with 0, targets with `IGNORED`), so
            that every token after the first is a target exactly once: for evaluation.
        end_of_text: the token that stands between documents.

    Raises:
        ValueError: fewer than length + 1 tokens (2 if ragged), sizes below 1, or ragged with another stride.
        TypeError: the tokens are not integers.
    """

    def __init__(
        self,
        tokens: np.ndarray | TokenShards,
        length: int,
        *,
        stride: int | None = None,
        ragged: bool = False,
        end_of_text: int | None = None,
    ) -> None:
        stride = length if stride is None else stride
        if length < 1 or stride < 1:
            raise ValueError(f"wanted a window length and stride of at least 1, got {length} and {stride}; raise them")
        if ragged and stride != length:
            raise ValueError(
                f"wanted stride == length for ragged windows (each token a target once), got stride {stride} and "
                f"length {length}; leave out stride, or ragged=True"
            )
        if tokens.ndim != 1:
            raise ValueError(f"wanted a 1-D array of tokens, got shape {tokens.shape}; flatten it with .reshape(-1)")
        if not np.issubdtype(tokens.dtype, np.integer):
            raise TypeError(f"wanted integer tokens, got dtype {tokens.dtype}; convert with .astype(np.int64)")
        needed = 2 if ragged else length + 1
        if len(tokens) < needed:
            raise ValueError(
                f"wanted at least {needed} tokens for windows of {length} and their next tokens, got {len(tokens)}; "
                "use a longer text or a smaller length"
            )
        self.tokens, self.length, self.stride, self.ragged = tokens, length, stride, ragged
        self.end_of_text = end_of_text
        self._mapped_bytes = 0

    def __len__(self) -> int:
        predicted = len(self.tokens) - 1  # every token but the first can be a target
        if self.ragged:
            return -(-predicted // self.length)
        return (predicted - self.length) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[Int64[Tensor, " T"], ...]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"wanted a window index below {len(self)}, got {index}")
        return tuple(field[0] for field in self.fetch(np.array([index % len(self)])))

    def fetch(self, indices: np.ndarray | Sequence[int]) -> tuple[Int64[Tensor, "B T"], ...]:
        """Read the windows `indices` (" B") at once."""
        starts = np.asarray(indices, dtype=np.int64) * self.stride
        if self.ragged and len(starts) and int(starts.max()) + self.length >= len(self.tokens):
            inputs, targets = self._fetch_padded(starts)
        else:
            rows = self._rows(starts)
            inputs, targets = (torch.from_numpy(part.astype(np.int64)) for part in (rows[:, :-1], rows[:, 1:]))
        self._give_back(len(starts))
        if self.end_of_text is None:
            return inputs, targets
        return inputs, targets, *document_places(inputs, self.end_of_text)

    def _rows(self, starts: np.ndarray) -> np.ndarray:
        if isinstance(self.tokens, TokenShards):
            return self.tokens.rows(starts, self.length + 1)
        return np.lib.stride_tricks.sliding_window_view(self.tokens, self.length + 1)[starts]

    def _give_back(self, count: int) -> None:
        """Hand mapped pages back now and then: the system keeps the file in its cache, and this process stays small."""
        self._mapped_bytes += count * (self.length * self.tokens.dtype.itemsize + AROUND)
        if self._mapped_bytes > MAPPED_BYTES:
            self._mapped_bytes = 0
            for part in self.tokens.parts if isinstance(self.tokens, TokenShards) else [self.tokens]:
                give_back_pages(part)

    def _fetch_padded(self, starts: np.ndarray) -> tuple[Int64[Tensor, "B T"], Int64[Tensor, "B T"]]:
        inputs = np.zeros((len(starts), self.length), dtype=np.int64)
        targets = np.full((len(starts), self.length), IGNORED, dtype=np.int64)
        for row, start in enumerate(starts):
            piece = self.tokens[start : start + self.length + 1]
            inputs[row, : len(piece) - 1] = piece[:-1]
            targets[row, : len(piece) - 1] = piece[1:]
        return torch.from_numpy(inputs), torch.from_numpy(targets)

    def __getstate__(self) -> dict[str, Any]:
        # A worker maps the file again; pickled as an array, all of it would go through a pipe.
        file = mapped_file(self.tokens)
        return self.__dict__ | ({"tokens": file} if file else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(self.tokens, Path):
            self.tokens = read_tokens(self.tokens)


class ShiftedWindows(TokenWindows):
    """Windows that do not overlap and begin elsewhere in every epoch, at an offset that (seed, epoch) picks: it is not
    always the same tokens that have little context before them.

    Example i starts at token i; those of an epoch are a window length apart, one less than `TokenWindows` has.
    """

    def __init__(self, tokens: np.ndarray | TokenShards, length: int) -> None:
        super().__init__(tokens, length, stride=1)
        if len(tokens) < 2 * length:
            raise ValueError(
                f"wanted at least {2 * length} tokens for shifted windows of {length}, got {len(tokens)}; use a longer "
                "text or a smaller length"
            )

    def order(self, batch_size: int, seed: int, shuffle: bool) -> "ShiftedOrder":
        """What a loader asks for."""
        whole = Order(len(self.tokens) // self.length - 1, batch_size, seed, shuffle, drop_last=True)
        return ShiftedOrder(whole, self.length)


@dataclass(frozen=True)
class ShiftedOrder:
    """An order of windows of so many tokens, as one of their starts."""

    windows: Order
    length: int

    @property
    def size(self) -> int:
        """Windows in an epoch."""
        return self.windows.size

    @property
    def batch_size(self) -> int:
        return self.windows.batch_size

    @property
    def seed(self) -> int:
        return self.windows.seed

    @property
    def drop_last(self) -> bool:
        return self.windows.drop_last

    @property
    def lengths(self) -> None:
        return None

    @property
    def steps_per_epoch(self) -> int:
        return self.windows.steps_per_epoch

    def examples(self, step: int) -> np.ndarray:
        """The starts of the windows of the global batch of step n of the run, int64 " B"."""
        key = (self.seed, step // self.steps_per_epoch, self.length)
        return self.windows.examples(step) * self.length + permute(np.array([0]), self.length, key)[0]
