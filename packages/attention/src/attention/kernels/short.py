"""Short causal texts in 16-bit products on a CPU: two matrix products around a softmax beat the fused kernel."""

import torch
from jaxtyping import Float
from torch import Tensor

LONGEST = 256
"""Queries; from here on the weights, [T, S] for every head, cost more than they save."""


def products_pay(q: Tensor, k: Tensor, dropout: float) -> bool:
    """True where `attend_products` is the faster one: the CPU's fused kernel multiplies 16-bit numbers in blocks too
    small for its matrix units. Training on 128 tokens takes 2 to 4 times as long through it; in float32 it is the
    faster one (`tests/benchmarks/attention_short.py`)."""
    if q.device.type != "cpu" or dropout > 0.0 or q.shape[-2] != k.shape[-2] or q.shape[-2] > LONGEST:
        return False
    if q.dtype == torch.float32:  # the switch cannot be read inside torch.compile without breaking its graph
        if torch.compiler.is_compiling():
            return False
        return bool(torch.backends.mkldnn.matmul.fp32_precision == "bf16")  # type: ignore[attr-defined]  # made at run time
    return q.dtype == torch.bfloat16 and torch.is_grad_enabled() and (q.requires_grad or k.requires_grad)


def attend_products(
    q: Float[Tensor, "B H T D"], k: Float[Tensor, "B H T D"], v: Float[Tensor, "B H T D"]
) -> Float[Tensor, "B H T D"]:
    """Causal attention with the [T, T] weights of every head in memory (Vaswani et al. 2017, equation 1)."""
    heads, length, width = q.shape[0] * q.shape[1], q.shape[2], q.shape[3]
    hidden = q.new_full((length, length), float("-inf")).triu(1)
    scores = torch.baddbmm(
        hidden, q.reshape(heads, length, width), k.reshape(heads, length, width).mT, alpha=width**-0.5
    )
    return torch.bmm(scores.softmax(dim=-1), v.reshape(heads, length, width)).view(q.shape)
