"""Rows of a table by number, with an error that says which numbers the table has."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def rows_of(
    table: Float[Tensor, "N C"],
    indices: Int[Tensor, "..."],
    what: str,
    advice: str,
    padding_id: int | None = None,
    *,
    sparse: bool = False,
) -> Float[Tensor, "... C"]:
    """`table[indices]`, shape [..., C], with a gradient for the rows that were read, except row `padding_id`.

    `what` and `advice` word the ValueError that a number outside 0 ... N - 1 raises. On a CUDA device such a number
    stops the process' device work with an assertion instead: checking there first would make every call wait for the
    device.

    sparse: the table's gradient is a sparse tensor of the rows that were read, each the same sum as in the dense one.
    """
    if indices.dtype not in (torch.int64, torch.int32):
        raise TypeError(f"wanted {what} of int64 or int32, got {indices.dtype}; {advice}")
    try:
        if sparse:
            return _Rows.apply(table, indices)
        return F.embedding(indices, table, padding_id)
    except IndexError:
        raise ValueError(outside(table, indices, what, advice)) from None


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, indices: Tensor) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.size = table.shape
        return F.embedding(indices, table)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        indices = ctx.saved_tensors[0].flatten()
        vectors = gradient.reshape(len(indices), -1)
        if torch.is_grad_enabled():  # it shall have a gradient itself
            return vectors.new_zeros(ctx.size).index_add(0, indices, vectors), None
        rows, places = indices.unique(return_inverse=True)
        sums = vectors.new_zeros(len(rows), ctx.size[1]).index_add_(0, places, vectors)
        return torch.sparse_coo_tensor(rows[None], sums, ctx.size, is_coalesced=True, check_invariants=False), None


def outside(table: Tensor, indices: Tensor, what: str, advice: str) -> str:
    """The message for indices that the table does not have."""
    low, high = (int(bound) for bound in torch.aminmax(indices))
    return f"wanted {what} from 0 to {len(table) - 1}, got {low} to {high}, shape {list(indices.shape)}; {advice}"
