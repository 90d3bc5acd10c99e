"""The same rules for torch's flex attention, which skips the blocks that a mask hides whole (made for GPUs)."""

from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from .algebra import Mask


def block_mask(
    mask: Mask, batch: int, queries: Int[Tensor, "_ T"] | int, keys: int, device: torch.device | str = "cpu"
) -> Any:
    """`mask` as the `BlockMask` that flex attention takes, for all heads.

    `queries` are the queries' numbers, [batch, T] or [1, T], or a count. ValueError when the mask was made for another
    number of rows or fewer tokens.
    """
    from torch.nn.attention.flex_attention import create_block_mask  # seconds to import: only when wanted

    mask.check_speaks_of(batch, keys)
    count = queries if isinstance(queries, int) else queries.shape[1]
    places = None if isinstance(queries, int) else queries.expand(batch, -1)

    alike = mask.n_rows is None and (isinstance(queries, int) or len(queries) == 1)
    return create_block_mask(
        lambda row, head, query, key: mask(row, query if places is None else places[row, query], key),
        None if alike else batch,
        None,
        count,
        keys,
        device=str(device),
    )
