"""The key-value cache: what earlier tokens said stays, so that a new token costs one token's work."""

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor

from .layer import LayerCache
from .row_lengths import RowLengths


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
        shape = (batch, n_head, length, head_size)
        self.keys = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(n_layer)]
        self.values = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(n_layer)]
        n_scales = n_layer if dtype == torch.int8 else 0
        self.key_scales = [torch.zeros(*shape[:3], 1, device=device) for _ in range(n_scales)]
        self.value_scales = [torch.zeros(*shape[:3], 1, device=device) for _ in range(n_scales)]
        self.whole = [*self.keys, *self.values, *self.key_scales, *self.value_scales]
        """All memory: that of rows which `select` left out is kept for rows to come."""
        self.agreeing = torch.zeros(batch, batch, dtype=torch.int64)
        """So many slots of two rows hold the same since one was copied from the other, or both from a third."""

    @property
    def n_layer(self) -> int:
        return len(self.keys)

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
        if len(rows) > len(self.whole[0]):
            self._replace(lambda stored: self._selected(stored, rows))
        else:
            moved = (chosen != torch.arange(len(rows))).nonzero().squeeze(1)
            used = slice(self.first_difference(moved, chosen[moved]), self.longest)
            targets, sources = moved.to(rows.device), rows[moved.to(rows.device)]
            for stored in self.whole if len(moved) else ():
                stored[targets, :, used] = stored[sources, :, used]
            if len(rows) != self.n_rows:
                self._show(len(rows))
        known = self.agreeing.diagonal_scatter(self.lengths.cpu())
        self.agreeing = known[chosen][:, chosen]
        super().select(rows)

    def first_difference(self, targets: Int[Tensor, " R"], sources: Int[Tensor, " R"]) -> int:
        """The first slot in which one of these rows may differ from the one that takes its place."""
        if len(targets) and int(targets.max()) >= self.n_rows:  # of a row that was left out nothing is known
            return 0
        return int(self.agreeing[targets, sources].min()) if len(targets) else self.longest

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
        self.whole = [change(stored) for stored in (*self.keys, *self.values, *self.key_scales, *self.value_scales)]
        self._show(len(self.whole[0]))

    def _show(self, rows: int) -> None:
        """Have the first so many rows of the memory in use."""
        shown = iter([stored[:rows] for stored in self.whole])
        for part in (self.keys, self.values, self.key_scales, self.value_scales):
            part[:] = [next(shown) for _ in part]

    def _grown(self, stored: Tensor, length: int) -> Tensor:
        target = stored.new_zeros(*stored.shape[:2], length, stored.shape[3])
        target[:, :, : self.longest] = stored[:, :, : self.longest]
        return target

    def _selected(self, stored: Tensor, rows: Tensor) -> Tensor:
        target = stored.new_zeros(len(rows), *stored.shape[1:])
        target[:, :, : self.longest] = stored[rows, :, : self.longest]
        return target
