"""Attention of short reach over a long text: cut into blocks, each of which looks at itself and its neighbours only.

The work grows with T x reach instead of T x T (Beltagy et al. 2020, section 3.1, figure 2b).
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..masks.algebra import Mask

SMALLEST_BLOCK = 64  # below, a kernel's start costs more than the pairs that it saves


def window_pays(mask: Mask, length: int) -> bool:
    """True where the mask's reach bounds the pairs to less than half of all."""
    if math.inf in mask.reach:
        return False
    block, neighbours = block_of(mask)
    return 2 * block * (1 + len(neighbours)) <= length


def block_of(mask: Mask) -> tuple[int, tuple[int, ...]]:
    """(block size, the neighboring blocks it needs: -1 before, 1 behind)."""
    back, ahead = mask.reach
    block = max(int(max(back, ahead)), SMALLEST_BLOCK)
    return block, (*((-1,) if back > 0 else ()), *((1,) if ahead > 0 else ()))


def attend_windowed(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B H T D"],
    v: Float[Tensor, "B H T D"],
    mask: Mask,
    kernel: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
) -> Float[Tensor, "B H T D"]:
    """Attention under a mask of finite reach; `kernel(q, k, v, visible)` is called once, with blocks as batch rows."""
    batch, length = q.shape[0], q.shape[2]
    mask.check_speaks_of(batch, length)
    block, neighbours = block_of(mask)
    n_blocks = -(-length // block)
    q, k, v = (in_blocks(x, block, n_blocks) for x in (q, k, v))
    k, v = (with_neighbours(x, neighbours) for x in (k, v))
    visible = visible_in_blocks(mask, batch, length, block, n_blocks, neighbours, q.device)
    output = kernel(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), visible)
    return output.unflatten(0, (batch, n_blocks)).transpose(1, 2).flatten(2, 3)[:, :, :length]


def in_blocks(x: Float[Tensor, "B H T D"], block: int, n_blocks: int) -> Float[Tensor, "B n H block D"]:
    """The tokens cut into blocks, zeros behind the last."""
    padded = torch.nn.functional.pad(x, (0, 0, 0, n_blocks * block - x.shape[2]))
    return padded.unflatten(2, (n_blocks, block)).transpose(1, 2)


def with_neighbours(x: Float[Tensor, "B n H block D"], neighbours: tuple[int, ...]) -> Float[Tensor, "B n H wide D"]:
    """Each block with the block before and the block behind it, as far as they are needed."""
    # Rolled, the first block gets the last for a neighbour: places outside of the text, which the mask hides.
    parts = [x.roll(-shift, dims=1) for shift in sorted((*neighbours, 0))]
    return torch.cat(parts, dim=3)


def visible_in_blocks(
    mask: Mask,
    batch: int,
    length: int,
    block: int,
    n_blocks: int,
    neighbours: tuple[int, ...],
    device: torch.device,
) -> Bool[Tensor, "_ 1 block wide"]:
    """Who sees whom in each block of each row: the rule asked with places in the text, False outside of it."""
    starts = block * torch.arange(n_blocks, device=device)[:, None]
    width = block * (1 + len(neighbours))
    queries = (starts + torch.arange(block, device=device))[None, :, :, None]
    keys = (starts + torch.arange(width, device=device) - (block if -1 in neighbours else 0))[None, :, None, :]
    rows = torch.arange(batch, device=device)[:, None, None, None]
    last = length - 1  # a rule is only asked about places that there are
    answer = mask(rows, queries.clamp(max=last), keys.clamp(0, last)) & (keys >= 0) & (keys <= last)
    return answer.expand(batch, n_blocks, block, width).flatten(0, 1)[:, None]
