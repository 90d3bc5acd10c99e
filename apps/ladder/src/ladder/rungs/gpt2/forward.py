"""GPT-2, from ids to states.

All pieces are there. A token's vector says what it is, a position's vector says where it stands, and their sum goes
into the stream. A block takes the stream and gives it back, what it adds included. At the end one more norm, because
the stream has grown with every block, and the last layer should read numbers in the same range whatever the depth.

    tokens ─ token vector + position vector ─ block ─ block ─ ... ─ final norm ─ states

Positions count from 0, in every row. A text of T tokens takes the first T rows of the table of positions; one that is
longer than the table has rows must be an error, not a guess.

Write `forward`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Part = Callable[[Tensor], Tensor]


def forward(
    tokens: Tensor, token_table: Tensor, position_table: Tensor, blocks: Sequence[Part], final_norm: Part
) -> Tensor:
    """States [B, T, C] of ids [B, T], from tables [V, C] and [n_ctx, C]."""
    # hole
    # hint: token_table[tokens] is [B, T, C]; the vectors of positions are [T, C], and broadcast over B.
    # hint: position_table[torch.arange(T)] is an IndexError when T is too large, as it should be.
    # hint: x = both; for block in blocks: x = block(x); return final_norm(x).
    x = token_table[tokens] + position_table[torch.arange(tokens.shape[1])]
    for block in blocks:
        x = block(x)
    return final_norm(x)
    # end
