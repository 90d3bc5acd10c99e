"""Numbers as small whole numbers: value = (whole - zero) * scale. The readable specification of every scheme.

A scale may serve a whole tensor, a row (the channel that the row computes) or a group of neighbours in a row: the fewer
numbers share it, the less an outlier among them costs the others (Nagel et al. 2021, arXiv 2106.08295, section 2).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class WholeNumbers:
    """A tensor as whole numbers, and for every `width` of a row one scale and one zero (for all rows where they have
    one row)."""

    whole: Int[Tensor, "rows columns"]
    scale: Float[Tensor, "_ groups"]
    zero: Int[Tensor, "_ groups"]
    width: int

    def restored(self) -> Float[Tensor, "rows columns"]:
        """The numbers that these stand for, float32."""
        columns = self.whole.shape[1]
        scale, zero = (part.repeat_interleave(self.width, 1)[:, :columns] for part in (self.scale, self.zero))
        return (self.whole - zero) * scale


def whole_numbers(
    x: Float[Tensor, "rows columns"],
    bits: int = 8,
    *,
    group: int | str = "channel",
    symmetric: bool = True,
    clip: float = 1.0,
) -> WholeNumbers:
    """x in whole numbers of so many bits, to the nearest: where nothing is clipped, off by half a scale at most.

    group: numbers of a row that share a scale, "channel" for a row, "tensor" for all. The last group of a row may be
        shorter.
    symmetric: zero stays the whole number 0, and 2^bits - 1 numbers from -(2^(bits-1) - 1) are used (-127 ... 127).
        Otherwise 0 ... 2^bits - 1 span the least to the largest number, 0 among them, so that zeros stay exact.
    clip: share of the range that is kept. What lies beyond becomes the range's end, the rest gets finer steps.
    Raises ValueError for bits outside 2 ... 8, for a group below 1 and for numbers that are not finite.
    """
    check(x, bits, group, clip)
    groups = _groups(x, group)
    if symmetric:
        low, high = -(2 ** (bits - 1) - 1), 2 ** (bits - 1) - 1
        scale = clip * groups.abs().amax(-1) / high
        zero = torch.zeros_like(scale)
    else:
        low, high = 0, 2**bits - 1
        least, largest = groups.amin(-1).clamp(max=0), groups.amax(-1).clamp(min=0)
        scale = clip * (largest - least) / high
        zero = (-clip * least / _not_zero(scale)).round().clamp(low, high)
    whole = (groups / _not_zero(scale)[..., None] + zero[..., None]).round().clamp(low, high)
    whole = whole.reshape(x.shape[0], -1)[:, : x.shape[1]] if group != "tensor" else whole.reshape(x.shape)
    width = x.shape[1] if isinstance(group, str) else group
    return WholeNumbers(whole.to(torch.int32), scale, zero.to(torch.int32), width)


def check(x: Tensor, bits: int, group: int | str, clip: float) -> None:
    """The ValueErrors of `whole_numbers`."""
    if not 2 <= bits <= 8:
        raise ValueError(f"bits: wanted 2 to 8, got {bits}; 8 loses next to nothing, 4 is small")
    if group not in ("channel", "tensor") and not (isinstance(group, int) and group >= 1):
        raise ValueError(
            f'group: wanted "tensor", "channel" or numbers of a row, got {group!r}; 32 is usual for 4 bits'
        )
    if not 0 < clip <= 1:
        raise ValueError(f"clip: wanted a share above 0 and up to 1, got {clip}; 1 clips nothing")
    if not x.isfinite().all():
        raise ValueError(
            f"x: wanted finite numbers, got {int((~x.isfinite()).sum())} of {x.numel()} that are infinite or NaN; "
            "look for what went wrong in training"
        )


def _groups(x: Float[Tensor, "rows columns"], group: int | str) -> Float[Tensor, "_ groups width"]:
    """x cut into what shares a scale; zeros, which change no range, fill the last group of each row."""
    x = x.float()
    if group == "tensor":
        return x.reshape(1, 1, -1)
    width = x.shape[1] if group == "channel" else int(group)
    padded = torch.nn.functional.pad(x, (0, -x.shape[1] % width))
    return padded.reshape(x.shape[0], -1, width)


def _not_zero(scale: Tensor) -> Tensor:
    """A group of zeros has scale 0; dividing by 1 instead keeps its whole numbers 0."""
    return torch.where(scale == 0, 1.0, scale)
