"""Rows of unequal length as one rectangular tensor: pad, remember the lengths, mask, unpad.

Legend: B rows, T longest row, `...` whatever each element holds.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def pad_rows(rows: Sequence[Tensor], value: int | float = 0) -> tuple[Shaped[Tensor, "B T ..."], Int[Tensor, " B"]]:
    """Stack `rows` (each "t ...") into one tensor, filled up with `value` on the right; also return their lengths.

    Lengths are int64. Gradients flow back into the rows. ValueError for no rows, for rows that differ in more than
    their length, and for a value that their dtype cannot hold.
    """
    if not rows:
        raise ValueError("wanted at least one row, got none; an empty batch has no shape to pad to")
    kinds = {(tuple(row.shape[1:]) if row.ndim else "no axis", row.dtype, row.device) for row in rows}
    if len(kinds) > 1 or rows[0].ndim == 0:
        raise ValueError(
            "wanted rows of one dtype and device that differ only in their first axis, got "
            f"{', '.join(f'{tuple(row.shape)} {row.dtype} {row.device}' for row in rows[:8])}; "
            "convert or reshape them first"
        )
    dtype = rows[0].dtype
    if not dtype.is_floating_point and not dtype.is_complex and not _holds(dtype, value):
        raise ValueError(
            f"wanted a padding value that {dtype} holds, got {value}; convert the rows or pad with another"
        )
    lengths = torch.tensor([len(row) for row in rows], device=rows[0].device)
    return pad_sequence(list(rows), batch_first=True, padding_value=value), lengths


def unpad_rows(padded: Shaped[Tensor, "B T ..."], lengths: Int[Tensor, " B"]) -> list[Tensor]:
    """Return row *b* as `padded[b, :lengths[b]]`: the inverse of `pad_rows`. The rows share memory with `padded`."""
    _check_one_each(lengths, padded, "lengths")
    check_range(lengths, 0, padded.shape[1], "lengths")
    return [row[:length] for row, length in zip(padded, lengths.tolist(), strict=True)]


def length_mask(lengths: Int[Tensor, " B"], size: int) -> Bool[Tensor, "B {size}"]:
    """Return True where position t of row b is real: `t < lengths[b]`. ValueError for a length outside 0 to `size`."""
    check_range(lengths, 0, size, "lengths")
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def gather_rows(values: Shaped[Tensor, "B T ..."], index: Int[Tensor, " B"]) -> Shaped[Tensor, "B ..."]:
    """Return `values[b, index[b]]` for every row b, e.g. the last real token's vector with `index = lengths - 1`.

    ValueError for an index outside 0 to T - 1: a negative one would silently read the padding.
    """
    _check_one_each(index, values, "index")
    check_range(index, 0, values.shape[1] - 1, "index")
    return values[torch.arange(len(values), device=values.device), index]


def check_range(numbers: Tensor, least: int, most: int, name: str) -> None:
    """Raise ValueError naming the first of `numbers` outside `least` to `most`. Reading them waits for a GPU."""
    outside = (numbers < least) | (numbers > most)
    if outside.any():
        place = tuple(int(i) for i in outside.nonzero()[0])
        raise ValueError(
            f"wanted {name} from {least} to {most}, got {numbers[place].item()} at position {place}; "
            "check it against the size of the axis that it counts"
        )


def _check_one_each(numbers: Tensor, values: Tensor, name: str) -> None:
    if values.ndim < 2 or numbers.shape != values.shape[:1]:
        raise ValueError(
            f"wanted {name} of shape (B,) for values of shape (B, T, ...), got {tuple(numbers.shape)} and "
            f"{tuple(values.shape)}; give one number for each row"
        )


def _holds(dtype: torch.dtype, value: int | float) -> bool:
    if dtype == torch.bool:
        return value in (0, 1)
    limits = torch.iinfo(dtype)
    return limits.min <= value <= limits.max and value == int(value)
