"""Nobody reads ahead.

While it learns, a language model says the next token at all places of a text at once. That is cheap, and it would be
cheating if a place could look at the tokens after it, for there the answer stands. So a mask says who may look at whom:
a row for each token that looks (the query), a column for each that is looked at (the key), and True where it may.

A token may look at itself and at all before it, at none after it. With three tokens:

    True  False False
    True  True  False
    True  True  True

Write `causal_mask`.
"""

import torch
from torch import Tensor


def causal_mask(n: int) -> Tensor:
    """bool [n, n]: whether token i (row) may look at token j (column)."""
    # hole
    # hint: Token i may look at token j when j is not larger than i.
    # hint: torch.arange(n)[:, None] is a column of numbers, torch.arange(n)[None, :] a row; comparing them broadcasts.
    # hint: columns = torch.arange(n), rows = columns[:, None], and return columns <= rows.
    columns = torch.arange(n)
    rows = columns[:, None]
    return columns <= rows
    # end
