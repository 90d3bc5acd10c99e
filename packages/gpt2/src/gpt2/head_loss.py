"""Cross-entropy of a linear head that never holds all its logits.

For V = 50,257 the logits are the largest tensor of the whole step, and autograd would keep them with their gradient.
Here they exist for a few rows at a time: the gradient of a row's loss is known as soon as its logits are (softmax
minus one-hot), so it is taken in the forward pass, and the backward pass only hands it on. The idea is that of Cut
Cross-Entropy (Wijmans et al. 2024, arXiv 2411.09009) and Liger-Kernel's fused linear cross-entropy, in plain torch.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tensors import fast_linear

CHUNK_BYTES = 32 * 2**20
"""Logits held at a time: small enough to stay near the CPU's caches, large enough for a full-speed product."""


def head_cross_entropy(
    state: Float[Tensor, "*rows C"], weight: Float[Tensor, "V C"], targets: Int[Tensor, "*rows"]
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """Sum over rows of -log softmax(state @ weight.T)[target] in nats, and the number of rows with a target.

    Rows with a negative target are left out. The sum is float32 whatever the inputs are. A target of V or more raises
    IndexError.
    """
    total = _HeadCrossEntropy.apply(state.reshape(-1, state.shape[-1]), weight, targets.reshape(-1))
    return total, (targets >= 0).sum()


def rows_at_a_time(n_vocab: int) -> int:
    """Rows whose logits over so many ids, in float32, fill `CHUNK_BYTES`; at least 16."""
    return max(16, CHUNK_BYTES // (4 * n_vocab))


class _HeadCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, state, weight, targets):  # type: ignore[no-untyped-def]
        needs_state, needs_weight, _ = ctx.needs_input_grad
        state_gradient = torch.empty_like(state) if needs_state else None
        weight_gradient = torch.zeros_like(weight) if needs_weight else None
        total = torch.zeros((), dtype=torch.float32, device=state.device)
        rows = rows_at_a_time(weight.shape[0])
        for start in range(0, len(state), rows):
            part, target = state[start : start + rows], targets[start : start + rows]
            log_probabilities, real = _log_softmax(fast_linear(part, weight)), target >= 0
            picked = log_probabilities.gather(1, target.clamp(min=0)[:, None])[:, 0]
            total -= torch.where(real, picked, 0.0).sum()
            if not (needs_state or needs_weight):
                continue
            gradient = _minus_one_hot(log_probabilities.exp_(), target, real).to(part.dtype)
            if state_gradient is not None:
                state_gradient[start : start + rows] = fast_linear(gradient, weight.T)
            if weight_gradient is not None:
                weight_gradient.addmm_(gradient.T, part)
        ctx.save_for_backward(state_gradient, weight_gradient)
        return total

    @staticmethod
    def backward(ctx, scale):  # type: ignore[no-untyped-def]
        if scale.device.type == "cpu" and float(scale) == 1.0:  # elsewhere a look would wait for the device
            return *ctx.saved_tensors, None
        gradients = (None if g is None else g * scale.to(g.dtype) for g in ctx.saved_tensors)
        return *gradients, None


def _log_softmax(logits: Float[Tensor, "R V"]) -> Float[Tensor, "R V"]:
    return torch.log_softmax(logits.float(), dim=-1)


def _minus_one_hot(
    probabilities: Float[Tensor, "R V"], target: Int[Tensor, " R"], real: Tensor
) -> Float[Tensor, "R V"]:
    rows = torch.arange(len(target), device=target.device)
    probabilities[rows, target.clamp(min=0)] -= 1.0
    return probabilities.mul_(real[:, None])
