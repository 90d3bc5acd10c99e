"""Cross-entropy of a linear head that never holds all its logits.

For V = 50,257 the logits are the largest tensor of the whole step, and autograd would keep them with their gradient.
Here they exist for a few rows at a time: the gradient of a row's loss is known as soon as its logits are (softmax
minus one-hot), so it is taken in the forward pass, and the backward pass only hands it on. The idea is that of Cut
Cross-Entropy (Wijmans et al. 2024, arXiv 2411.09009) and Liger-Kernel's fused linear cross-entropy, in plain torch.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tensors import fast_linear, give_back_freed_memory

CHUNK_BYTES = 32 * 2**20
"""Logits held at a time: small enough to stay near the CPU's caches, large enough for a full-speed product."""


def head_cross_entropy(
    state: Float[Tensor, "*rows C"], weight: Float[Tensor, "V C"], targets: Int[Tensor, "*rows"]
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """Sum over rows of -log softmax(state @ weight.T)[target] in nats, and the number of rows with a target.

    Rows with a negative target are left out. The sum is float32 whatever the inputs are. A target of V or more raises
    IndexError. A gradient that shall have a gradient (`create_graph=True`) and the transforms of `torch.func` get it
    from logits that are computed again, and held.
    """
    if torch._C._are_functorch_transforms_active():  # they see through plain operations only
        rows, wanted = state.reshape(-1, state.shape[-1]), targets.reshape(-1)
        return _whole(rows, weight, wanted), (targets >= 0).sum()
    total = _HeadCrossEntropy.apply(state.reshape(-1, state.shape[-1]), weight, targets.reshape(-1))
    return total, (targets >= 0).sum()


def tied(weight: Float[Tensor, "V C"]) -> tuple[Float[Tensor, "V C"], Float[Tensor, "V C"]]:
    """The weight twice: to look rows up in, with a sparse gradient, and for `head_cross_entropy`. The rows are added to
    the head's gradient in place, where autograd would hold a second tensor of the size of the whole table."""
    return _Tied.apply(weight)


def can_be_tied(weight: Tensor) -> bool:
    """Whether `tied` can be asked: on a CPU (elsewhere finding the rows would wait for the device), unless the compiler
    or a transform of torch.func is at work, which know no sparse gradients."""
    transformed = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
    return weight.device.type == "cpu" and not transformed


class _Tied(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight):  # type: ignore[no-untyped-def]
        ctx.set_materialize_grads(False)
        return weight.view_as(weight), weight.view_as(weight)

    @staticmethod
    def backward(ctx, rows, head):  # type: ignore[no-untyped-def]
        if rows is None or head is None:
            return head if rows is None else rows.to_dense()
        if torch.is_grad_enabled():
            return head + rows
        if not rows.is_sparse:  # looked up by other code
            return head.add_(rows)
        rows = rows.coalesce()
        return head.index_add_(0, rows.indices()[0], rows.values())  # which the head has given away


def rows_at_a_time(n_vocab: int) -> int:
    """Rows whose logits over so many ids, in float32, fill `CHUNK_BYTES`; at least 16."""
    return max(16, CHUNK_BYTES // (4 * n_vocab))


class _HeadCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, state, weight, targets):  # type: ignore[no-untyped-def]
        needs_state, needs_weight, _ = ctx.needs_input_grad
        if needs_weight and weight.device.type == "cpu" and weight.nbytes > CHUNK_BYTES:
            give_back_freed_memory()  # all that the blocks keep is there now: here a step needs most
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
            del log_probabilities, gradient  # or they would be there beside those of the next rows
        ctx.known = state_gradient, weight_gradient
        ctx.save_for_backward(state, weight, targets)
        return total

    @staticmethod
    def backward(ctx, scale):  # type: ignore[no-untyped-def]
        known, ctx.known = ctx.known, None  # given away: whoever gets it may add to it
        if known is None or torch.is_grad_enabled():  # a second time, or for a gradient that shall have one itself
            state, weight, targets = ctx.saved_tensors
            gradient = _logits_gradient(state, weight, targets) * scale
            needs_state, needs_weight, _ = ctx.needs_input_grad
            gradient = gradient.to(state.dtype)
            return gradient @ weight if needs_state else None, gradient.T @ state if needs_weight else None, None
        if scale.device.type == "cpu" and float(scale) == 1.0:  # elsewhere a look would wait for the device
            return *known, None
        return *(None if g is None else g * scale.to(g.dtype) for g in known), None


def _whole(state: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """The sum from all logits at once, in operations that torch differentiates as often as it is asked."""
    picked = _log_softmax(state @ weight.T).gather(1, targets.clamp(min=0)[:, None])[:, 0]
    return -torch.where(targets >= 0, picked, 0.0).sum()


def _logits_gradient(state: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Softmax minus one-hot, zero for rows without a target, in operations that have a gradient themselves."""
    one_hot = torch.nn.functional.one_hot(targets.clamp(min=0), len(weight))
    return (_log_softmax(state @ weight.T).exp() - one_hot) * (targets >= 0)[:, None]


def _log_softmax(logits: Float[Tensor, "R V"]) -> Float[Tensor, "R V"]:
    return torch.log_softmax(logits.float(), dim=-1)


def _minus_one_hot(
    probabilities: Float[Tensor, "R V"], target: Int[Tensor, " R"], real: Tensor
) -> Float[Tensor, "R V"]:
    rows = torch.arange(len(target), device=target.device)
    probabilities[rows, target.clamp(min=0)] -= 1.0
    return probabilities.mul_(real[:, None])
