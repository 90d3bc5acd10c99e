"""The same rules for torch's flex attention, which skips the blocks that a mask hides whole (made for GPUs)."""

import sys
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..masks.algebra import Mask

MODULE = "torch.nn.attention.flex_attention"  # seconds to import: only when wanted


def block_mask(
    mask: Mask, batch: int, queries: Int[Tensor, "_ T"] | int, keys: int, device: torch.device | str = "cpu"
) -> Any:
    """`mask` as the `BlockMask` that flex attention takes, for all heads; `attend` takes it in place of the rule. Made
    once for all layers of a call, for it asks about every pair.

    `queries` are the queries' numbers, [batch, T] or [1, T], or a count. ValueError when the mask was made for another
    number of rows or fewer tokens.
    """
    from torch.nn.attention.flex_attention import create_block_mask

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


def is_block_mask(mask: Any) -> bool:
    """True for a `BlockMask`; the module need not be imported to say no."""
    return MODULE in sys.modules and isinstance(mask, sys.modules[MODULE].BlockMask)


def attend_blocks(
    q: Float[Tensor, "B H T D"], k: Float[Tensor, "B G S D"], v: Float[Tensor, "B G S D"], blocks: Any
) -> Float[Tensor, "B H T D"]:
    """Attention under a `BlockMask` through the compiled kernel. Queries that see nothing give zeros. ValueError when
    the block mask was made for another batch or other numbers of tokens."""
    check_made_for(blocks, q, k)
    return kernel(q.device.type)(q, k, v, block_mask=blocks, enable_gqa=q.shape[1] != k.shape[1])


def check_made_for(blocks: Any, q: Tensor, k: Tensor) -> None:
    made_for, given = (blocks.shape[0], *blocks.seq_lengths), (len(q), q.shape[2], k.shape[2])
    if made_for[0] not in (1, given[0]) or made_for[1:] != given[1:]:
        raise ValueError(
            f"wanted a block mask for B, T, S = {list(given)}; got one for {list(made_for)}; "
            "make it with block_mask for this batch"
        )


@cache
def kernel(device: str) -> Callable[..., Tensor]:
    """torch's flex attention: compiled on a GPU, step by step and without gradients elsewhere."""
    from torch.nn.attention.flex_attention import flex_attention

    if device == "cuda":
        return torch.compile(flex_attention)

    def step_by_step(*given: Any, **named: Any) -> Tensor:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="flex_attention called without torch.compile")
            return flex_attention(*given, **named)

    return step_by_step


def visible_in_pairs(blocks: Any, q: Tensor, k: Tensor) -> Tensor:
    """The block mask as bool [B, 1, T, S]. ValueError as in `attend_blocks`."""
    from torch.nn.attention.flex_attention import create_mask

    check_made_for(blocks, q, k)
    return create_mask(blocks.mask_mod, len(q), 1, q.shape[2], k.shape[2], device=str(q.device))
