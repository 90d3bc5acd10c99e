"""One layer's part of the key-value cache."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .algebra import Mask
from .row_lengths import RowLengths


@dataclass(frozen=True)
class LayerCache:
    """Keys and values [B, H, length, D] of one layer, and the rows' lengths that all layers share."""

    rows: RowLengths
    keys: Tensor
    values: Tensor

    def mask(self, queries: int, rule: Mask | Tensor | None = None) -> Mask | Tensor | None:
        """See `RowLengths.mask`."""
        return self.rows.mask(queries, rule)

    def write(
        self, k: Float[Tensor, "B H T D"], v: Float[Tensor, "B H T D"]
    ) -> tuple[Float[Tensor, "B H S D"], Float[Tensor, "B H S D"]]:
        """Store k and v, row r's token t in slot lengths[r] + t; return the first S = longest + T slots as views.

        ValueError when the cache is full, was made for other rows, heads, sizes or numbers, or k carries a gradient.
        """
        rows, queries = self.rows, k.shape[-2]
        self.check_fits(k)
        rows.check_room(queries)
        if rows.shortest == rows.longest:
            new = slice(rows.longest, rows.longest + queries)
            self.keys[:, :, new], self.values[:, :, new] = k, v
        else:
            row, slots = torch.arange(len(k), device=k.device)[:, None], rows.positions(queries)
            self.keys[row, :, slots], self.values[row, :, slots] = k.transpose(1, 2), v.transpose(1, 2)
        used = slice(rows.longest + queries)
        return self.keys[:, :, used], self.values[:, :, used]

    def check_fits(self, k: Tensor) -> None:
        batch, n_head, _, head_size = self.keys.shape
        if (*k.shape[:2], k.shape[3], k.dtype) != (batch, n_head, head_size, self.keys.dtype):
            raise ValueError(
                f"wanted keys [B, H, T, D] with B={batch}, H={n_head}, D={head_size} of {self.keys.dtype}; "
                f"got {list(k.shape)} of {k.dtype}; make the cache for this batch and this model"
            )
        if k.requires_grad and torch.is_grad_enabled():
            raise ValueError(
                "wanted keys without a gradient, for a cache serves inference; got keys that carry one; "
                "call the model inside torch.inference_mode() or torch.no_grad()"
            )
