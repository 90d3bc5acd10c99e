"""Norms: every token's vector is brought to a fixed range, then scaled as learned."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def layer_norm_reference(
    x: Float[Tensor, "... C"], weight: Float[Tensor, " C"], bias: Float[Tensor, " C"], eps: float = 1e-5
) -> Float[Tensor, "... C"]:
    """(x - mean) / sqrt(variance + eps) * weight + bias over the last dimension (Ba et al. 2016, section 3).

    The variance divides by C, not C - 1.
    """
    mean = x.mean(dim=-1, keepdim=True)
    variance = (x - mean).square().mean(dim=-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + eps) * weight + bias


class LayerNorm(nn.Module):
    """`layer_norm_reference` with learned weight and bias, computed by torch in one pass. It starts as the identity of
    both."""

    def __init__(self, n_embd: int, eps: float = 1e-5) -> None:
        super().__init__()
        if n_embd < 1 or eps <= 0:
            raise ValueError(
                f"wanted n_embd of at least 1 and eps above 0; got {n_embd=}, {eps=}; pass the channels first"
            )
        self.n_embd, self.eps = n_embd, eps
        self.weight = nn.Parameter(torch.ones(n_embd))
        self.bias = nn.Parameter(torch.zeros(n_embd))

    def forward(self, x: Float[Tensor, "... C"]) -> Float[Tensor, "... C"]:
        """Normalized x. ValueError when the last dimension is not n_embd."""
        if x.shape[-1] != self.n_embd:
            raise ValueError(
                f"wanted x of shape [..., {self.n_embd}]; got {list(x.shape)}; "
                "make the layer as wide as what it is given"
            )
        return F.layer_norm(x, (self.n_embd,), self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"n_embd={self.n_embd}, eps={self.eps}"


def rms_norm_reference(
    x: Float[Tensor, "... C"], weight: Float[Tensor, " C"], eps: float = 1e-5
) -> Float[Tensor, "... C"]:
    """x / sqrt(mean of squares + eps) * weight over the last dimension (Zhang & Sennrich 2019, equation 4)."""
    return x / torch.sqrt(x.square().mean(dim=-1, keepdim=True) + eps) * weight


class RMSNorm(nn.Module):
    """`rms_norm_reference` with a learned weight, computed by torch: no mean is taken away and nothing is shifted."""

    def __init__(self, n_embd: int, eps: float = 1e-5) -> None:
        super().__init__()
        if n_embd < 1 or eps <= 0:
            raise ValueError(
                f"wanted n_embd of at least 1 and eps above 0; got {n_embd=}, {eps=}; pass the channels first"
            )
        self.n_embd, self.eps = n_embd, eps
        self.weight = nn.Parameter(torch.ones(n_embd))

    def forward(self, x: Float[Tensor, "... C"]) -> Float[Tensor, "... C"]:
        """Normalized x. ValueError when the last dimension is not n_embd."""
        if x.shape[-1] != self.n_embd:
            raise ValueError(
                f"wanted x of shape [..., {self.n_embd}]; got {list(x.shape)}; "
                "make the layer as wide as what it is given"
            )
        return F.rms_norm(x, (self.n_embd,), self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"n_embd={self.n_embd}, eps={self.eps}"
