"""Numbers in eight bits: a vector as whole numbers from -127 to 127 and one scale."""

import torch
from jaxtyping import Float, Int8
from torch import Tensor


def quantised(x: Float[Tensor, "*N D"]) -> tuple[Int8[Tensor, "*N D"], Float[Tensor, "*N 1"]]:
    """x in whole numbers, and the float32 scale that brings them back: off by half a scale at most, which is 1/254 of
    the vector's largest number."""
    scale = x.abs().amax(dim=-1, keepdim=True).float() / 127
    whole = x / torch.where(scale > 0, scale, torch.inf)  # zeros stay zeros
    # A scale so small that it lost digits itself could lead past 127, where eight bits would change the sign.
    return whole.round_().clamp_(-127, 127).to(torch.int8), scale


def restored(whole: Int8[Tensor, "*N D"], scale: Float[Tensor, "*N 1"], dtype: torch.dtype) -> Float[Tensor, "*N D"]:
    """What `quantised` took, nearly."""
    return (whole * scale).to(dtype)
