"""Rows of a table by number, with an error that says which numbers the table has."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def rows_of(
    table: Float[Tensor, "N C"], indices: Int[Tensor, "..."], what: str, advice: str, padding_id: int | None = None
) -> Float[Tensor, "... C"]:
    """`table[indices]`, shape [..., C], with a gradient for the rows that were read, except row `padding_id`.

    `what` and `advice` word the ValueError that a number outside 0 ... N - 1 raises. On a CUDA device such a number
    stops the process' device work with an assertion instead: checking there first would make every call wait for the
    device.
    """
    if indices.dtype not in (torch.int64, torch.int32):
        raise TypeError(f"wanted {what} of int64 or int32, got {indices.dtype}; {advice}")
    try:
        return F.embedding(indices, table, padding_id)
    except IndexError:
        raise ValueError(outside(table, indices, what, advice)) from None


def outside(table: Tensor, indices: Tensor, what: str, advice: str) -> str:
    """The message for indices that the table does not have."""
    low, high = (int(bound) for bound in torch.aminmax(indices))
    return f"wanted {what} from 0 to {len(table) - 1}, got {low} to {high}, shape {list(indices.shape)}; {advice}"
