"""One layer's part of the key-value cache."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..masks.algebra import Mask
from .eight_bits import quantised, restored
from .row_lengths import RowLengths


@dataclass(frozen=True)
class LayerCache:
    """Keys and values [B, H, length, D] of one layer, and the rows' lengths that all layers share. In eight bits each
    slot of a head has a scale, [B, H, length, 1]."""

    rows: RowLengths
    keys: Tensor
    values: Tensor
    key_scales: Tensor | None = None
    value_scales: Tensor | None = None

    def mask(self, queries: int, rule: Mask | Tensor | None = None) -> Mask | Tensor | None:
        """See `RowLengths.mask`."""
        return self.rows.mask(queries, rule)

    def write(
        self, k: Float[Tensor, "B H T D"], v: Float[Tensor, "B H T D"]
    ) -> tuple[Float[Tensor, "B H S D"], Float[Tensor, "B H S D"]]:
        """Store k and v, row r's token t in slot lengths[r] + t; return the first S = longest + T slots: views,
        or in eight bits copies in the type of k.

        ValueError when the cache is full, was made for other rows, heads, sizes or numbers, or k carries a gradient.
        """
        rows, queries = self.rows, k.shape[-2]
        self.check_fits(k)
        rows.check_room(queries)
        used = slice(rows.longest + queries)
        if self.key_scales is None or self.value_scales is None:
            self.store(self.keys, k)
            self.store(self.values, v)
            return self.keys[:, :, used], self.values[:, :, used]
        for new, whole, scales in ((k, self.keys, self.key_scales), (v, self.values, self.value_scales)):
            for target, numbers in zip((whole, scales), quantised(new), strict=True):
                self.store(target, numbers)
        keys = restored(self.keys[:, :, used], self.key_scales[:, :, used], k.dtype)
        return keys, restored(self.values[:, :, used], self.value_scales[:, :, used], v.dtype)

    def store(self, target: Tensor, new: Tensor) -> None:
        """Write new [B, H, T, ...] behind what each row holds."""
        rows, queries = self.rows, new.shape[2]
        if rows.shortest == rows.longest:
            target[:, :, rows.longest : rows.longest + queries] = new
        else:
            row = torch.arange(len(new), device=new.device)[:, None]
            target[row, :, rows.positions(queries)] = new.transpose(1, 2)

    def check_fits(self, k: Tensor) -> None:
        batch, n_head, _, head_size = self.keys.shape
        # Eight bits take any kind of floating-point numbers.
        dtype = self.keys.dtype if self.key_scales is None else k.dtype
        if (*k.shape[:2], k.shape[3], k.dtype) != (batch, n_head, head_size, dtype):
            raise ValueError(
                f"wanted keys [B, H, T, D] with B={batch}, H={n_head}, D={head_size} of {self.keys.dtype}; "
                f"got {list(k.shape)} of {k.dtype}; make the cache for this batch and this model"
            )
        if k.requires_grad and torch.is_grad_enabled():
            raise ValueError(
                "wanted keys without a gradient, for a cache serves inference; got keys that carry one; "
                "call the model inside torch.inference_mode() or torch.no_grad()"
            )
