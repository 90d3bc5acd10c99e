"""A frozen linear layer with a small correction that learns: LoRA, and DoRA where the rows' lengths learn too."""

import math
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from .machine.corrected import corrected, is_plain


class AdaptedLinear(nn.Module):
    """base(x) + scale * up(down(x)): two thin matrices beside a frozen one (LoRA; Hu et al. 2021, arXiv 2106.09685).

    base: an `nn.Linear`, or a layer of its attributes with `restored()` weights [out, in], such as quantization's; it
        keeps its weights, which the caller has frozen.
    rank: rows of `down` [rank, in] and columns of `up` [out, rank]. `down` is drawn from `generator` as `nn.Linear`
        draws its weights, `up` begins with zeros: a new layer computes what `base` does, bit for bit.
    scale: what the correction is multiplied by.
    dropout: share of x that the correction does not see while training; drawn from torch's global generator.
    magnitudes: each row of base + correction has a length that is learned by itself (DoRA; Liu et al. 2024, arXiv
        2402.09353, equation 5). As in section 4.3 there, the length that is divided by gets no gradient.
    """

    magnitude: nn.Parameter | None

    def __init__(
        self,
        base: nn.Module,
        rank: int,
        scale: float,
        *,
        dropout: float = 0.0,
        magnitudes: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        n_out, n_in = cast(int, base.out_features), cast(int, base.in_features)
        if not 1 <= rank <= min(n_out, n_in):
            raise ValueError(
                f"rank: wanted 1..{min(n_out, n_in)} for a layer of {n_in} to {n_out} channels, got {rank}; 8 is usual"
            )
        device = cast(Tensor, base.weight).device
        self.base, self.scale, self.dropout = base, scale, nn.Dropout(dropout)
        drawn = torch.empty(rank, n_in).uniform_(-1, 1, generator=generator) / math.sqrt(n_in)
        self.down = nn.Parameter(drawn.to(device))
        self.up = nn.Parameter(torch.zeros(n_out, rank, device=device))
        self.register_parameter("magnitude", nn.Parameter(self.lengths()) if magnitudes else None)

    def forward(self, x: Float[Tensor, "... in"]) -> Float[Tensor, "... out"]:
        """The corrected output; in float32, also beside a base in half precision."""
        dropping = self.training and self.dropout.p > 0
        base = self.base
        if self.magnitude is None and not dropping and isinstance(base, nn.Linear) and is_plain(base, x, self.down):
            return corrected(x, base.weight, base.bias, self.down, self.up, self.scale)
        plain = product(self.base, x)
        kept = self.dropout(x)
        correction = linear(linear(kept.to(self.down.dtype), self.down), self.up) * self.scale
        if self.magnitude is None:
            return plain + correction
        bias: Any = self.base.bias
        straight = plain if bias is None else plain - bias
        if dropping:
            straight = linear(kept, base_weight(self.base))
        factor = self.magnitude / self.lengths()
        return plain + (factor - 1) * straight + factor * correction

    @torch.no_grad()
    def lengths(self) -> Float[Tensor, " out"]:
        """The length of each row of base + correction."""
        return self.direction().norm(dim=1)

    @torch.no_grad()
    def direction(self) -> Float[Tensor, "out in"]:
        """base + correction."""
        return base_weight(self.base).float() + self.scale * (self.up @ self.down)

    @torch.no_grad()
    def merged_weight(self) -> Float[Tensor, "out in"]:
        """The weight of the one linear layer that computes the same."""
        weight = self.direction()
        return weight if self.magnitude is None else weight * (self.magnitude / self.lengths())[:, None]

    def extra_repr(self) -> str:
        kind = "LoRA" if self.magnitude is None else "DoRA"
        return f"{kind}, rank={len(self.down)}, scale={self.scale:g}"


def product(base: nn.Module, x: Float[Tensor, "... in"]) -> Float[Tensor, "... out"]:
    """What a layer computes. Of one that holds whole numbers the gradient is that of the weights they stand for (as in
    QLoRA; Dettmers et al. 2023, arXiv 2305.14314, equation 5): they are restored for a moment, a layer at a time, and
    rounding x to whole numbers, as int8 does, counts as nothing."""
    if isinstance(getattr(base, "weight", None), nn.Parameter) or not hasattr(base, "restored"):
        found: Tensor = getattr(base, "logits", base)(x)  # a table computes as the head that it is, too
    else:
        found = _OfWholeNumbers.apply(x, base)
    return found


class _OfWholeNumbers(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, base):  # type: ignore[no-untyped-def]
        ctx.base = base
        return getattr(base, "logits", base)(x)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        return (gradient.float() @ base_weight(ctx.base)).to(gradient.dtype), None


def base_weight(base: nn.Module) -> Float[Tensor, "out in"]:
    """The weight of a linear layer, in float where it holds whole numbers."""
    if isinstance(base, nn.Linear):
        return base.weight
    restored: Tensor = base.restored()  # type: ignore[operator]
    return restored
