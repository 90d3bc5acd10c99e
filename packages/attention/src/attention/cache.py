"""The key-value cache: what earlier tokens said stays, so that a new token costs one token's work."""

import torch
from jaxtyping import Int
from torch import Tensor

from .layer_cache import LayerCache
from .row_lengths import RowLengths


class KeyValueCache(RowLengths):
    """Keys and values of every layer for `batch` rows of up to `length` tokens, allocated once.

    Rows may hold different numbers of tokens: row r's next token goes to slot `lengths[r]`. A call of the model writes
    each layer through `layer(i)`, then says once with `advance` how many tokens of each row were real; padding on the
    right is hidden until then and overwritten by the next call. Memory is 2 x n_layer x batch x n_head x length x
    head_size numbers.

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

    @property
    def n_layer(self) -> int:
        return len(self.keys)

    def layer(self, index: int) -> LayerCache:
        """The part of layer `index`, to be handed to that layer's attention."""
        return LayerCache(self, self.keys[index], self.values[index])

    @torch.inference_mode(False)
    def select(self, rows: Int[Tensor, " R"]) -> None:
        """Go on with these rows, in this order: repeated for beams, left out when finished. Only slots in use move;
        memory is allocated anew where the number of rows changes."""
        rows = rows.to(self.lengths.device)
        self.check_rows(rows)
        self.keys = [self._selected(stored, rows) for stored in self.keys]
        self.values = [self._selected(stored, rows) for stored in self.values]
        super().select(rows)

    def _selected(self, stored: Tensor, rows: Tensor) -> Tensor:
        target = stored if len(rows) == len(stored) else stored.new_zeros(len(rows), *stored.shape[1:])
        target[:, :, : self.longest] = stored[rows, :, : self.longest]
        return target
