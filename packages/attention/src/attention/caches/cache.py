"""The key-value cache: what earlier tokens said stays, so that a new token costs one token's work."""

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor

from .layer import LayerCache
from .row_lengths import RowLengths

MOST_TAKEN_UP = 32 << 20
"""Bytes, or one layer's, that `select` holds while rows change places."""


class KeyValueCache(RowLengths):
    """Keys and values of every layer for `batch` rows of up to `length` tokens, allocated once.

    Rows may hold different numbers of tokens: row r's next token goes to slot `lengths[r]`. A call of the model writes
    each layer through `layer(i)`, then says once with `advance` how many tokens of each row were real; padding on the
    right is hidden until then and overwritten by the next call. Memory is 2 x n_layer x batch x n_head x length x
    head_size numbers. With dtype torch.int8 keys and values are kept in eight bits and a float32 scale a slot and head
    (a quarter of float32 and a little more), off by 1/254 of a vector's largest number at most.

    The cache serves inference: writing keys that carry a gradient is an error.
    """

    # Normal tensors even when made inside torch.inference_mode(), so that the cache can be written outside of it too.
    @torch.inference_mode(False)
    def __init__(
        self,
        n_layer: int,
        batch: int,
        n_head: int,
        length: int,
        head_size: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        if min(n_layer, batch, n_head, length, head_size) < 1:
            raise ValueError(
                f"wanted sizes of at least 1; got {n_layer=}, {batch=}, {n_head=}, {length=}, {head_size=}; "
                "pass how many layers, rows, heads, tokens and channels there are"
            )
        super().__init__(batch, length, device=device)
        # Zeros, not empty memory: a hidden slot is multiplied by a weight of zero, and zero times NaN would be NaN.
        shape = (2 * n_layer, batch, n_head, length)
        self.memory = [torch.zeros(*shape, head_size, dtype=dtype, device=device)]
        """Keys, then values of every layer, and in eight bits their scales: [2 x n_layer, B, H, length, D or 1]. That
        of rows which `select` left out is kept for rows to come."""
        if dtype == torch.int8:
            self.memory.append(torch.zeros(*shape, 1, device=device))
        self.n_layer = n_layer
        self._show(batch)
        self.agreeing = torch.zeros(batch, batch, dtype=torch.int64)
        """So many slots of two rows hold the same since one was copied from the other, or both from a third."""

    @property
    def whole(self) -> list[Tensor]:
        """All memory, layer by layer."""
        return [stored for part in self.memory for stored in part]

    def layer(self, index: int) -> LayerCache:
        """The part of layer `index`, to be handed to that layer's attention."""
        if not self.key_scales:
            return LayerCache(self, self.keys[index], self.values[index])
        scales = self.key_scales[index], self.value_scales[index]
        return LayerCache(self, self.keys[index], self.values[index], *scales)

    @torch.inference_mode(False)
    def select(self, rows: Int[Tensor, " R"]) -> None:
        """Go on with these rows, in this order: repeated for beams, left out when finished. Only what differs is
        copied; memory is allocated anew where there are more rows than ever."""
        rows = rows.to(self.lengths.device)
        self.check_rows(rows)
        chosen = rows.cpu()
        if len(rows) > self.memory[0].shape[1]:
            self._replace(lambda stored: self._selected(stored, rows))
        else:
            self._move(chosen.tolist())
            if len(rows) != self.n_rows:
                self._show(len(rows))
        known = self.agreeing.diagonal_scatter(self.lengths.cpu())
        self.agreeing = known[chosen][:, chosen]
        super().select(rows)

    def _move(self, rows: list[int]) -> None:
        """Put row rows[i] into place i, where it is not there. All that moves is taken up before it is laid down."""
        moved = [(target, source) for target, source in enumerate(rows) if target != source]
        pieces = [
            (target, source, slice(self.first_difference(target, source), self.longest)) for target, source in moved
        ]
        layers = max(1, MOST_TAKEN_UP * 2 * self.n_layer // max(1, len(moved) * self.memory[0][:, 0].nbytes))
        for stored in (some for part in self.memory for some in part.split(layers)) if moved else ():
            taken = [stored[:, source, :, used].clone() for _, source, used in pieces]
            for (target, _, used), piece in zip(pieces, taken, strict=True):
                stored[:, target, :, used] = piece

    def first_difference(self, target: int, source: int) -> int:
        """The first slot in which a row may differ from the one that takes its place."""
        if target >= self.n_rows:  # of a row that was left out nothing is known
            return 0
        return int(self.agreeing[target, source])

    def cut(self, lengths: Int[Tensor, " B"] | int) -> None:
        """See `RowLengths.cut`."""
        super().cut(lengths)
        held = self.lengths.cpu()
        self.agreeing = self.agreeing.minimum(held).minimum(held[:, None])

    def reset(self) -> None:
        """Forget everything; the memory stays."""
        super().reset()
        self.agreeing = torch.zeros_like(self.agreeing)

    @torch.inference_mode(False)
    def grow(self, length: int) -> None:
        """Make room for rows of up to `length` tokens: memory is allocated anew, what is held is copied. Layers taken
        before are void. ValueError for less room than there is."""
        if length < self.length:
            raise ValueError(
                f"wanted room for at least the {self.length} tokens that there is room for; got {length}; "
                "a cache only grows: make a new one to save memory"
            )
        self._replace(lambda stored: self._grown(stored, length))
        self.length = length

    def _replace(self, change: Callable[[Tensor], Tensor]) -> None:
        self.memory = [change(stored) for stored in self.memory]
        self._show(self.memory[0].shape[1])

    def _show(self, rows: int) -> None:
        """Have the first so many rows of the memory in use."""
        shown = [list(stored[:, :rows].split(self.n_layer)) for stored in self.memory]
        self.keys, self.values = (list(part) for part in shown[0])
        self.key_scales, self.value_scales = (list(part) for part in shown[1]) if len(shown) > 1 else ([], [])

    def _grown(self, stored: Tensor, length: int) -> Tensor:
        target = stored.new_zeros(*stored.shape[:3], length, stored.shape[4])
        target[..., : self.longest, :] = stored[..., : self.longest, :]
        return target

    def _selected(self, stored: Tensor, rows: Tensor) -> Tensor:
        target = stored.new_zeros(len(stored), len(rows), *stored.shape[2:])
        target[..., : self.longest, :] = stored[:, rows, :, : self.longest]
        return target
