"""Teaching a model a little.

To teach a trained model a task, need all its weights move? LoRA leaves them as they are, and adds to each layer a
detour through a few channels: A brings C channels down to r, B brings r up to N. Only A and B are learned, often less
than a percent of all weights, and they can be taken off again.

    x W^T + bias + (alpha / r) (x A^T) B^T

A begins by chance, B at 0: so the layer begins exactly as it was. alpha / r keeps the size of the detour the same when
another r is tried.

After learning, the detour can be folded into the weight: W + (alpha / r) B A. The layer is then as fast as before.

Write `lora` and `merge`.
"""

from torch import Tensor


def lora(x: Tensor, weight: Tensor, bias: Tensor, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    """x [..., C] through a layer [N, C] with its detour a [r, C], b [N, r]; gives [..., N]."""
    # hole
    # hint: x @ weight.T + bias is the layer as it was.
    # hint: The detour: x @ a.T is [..., r], and (x @ a.T) @ b.T is [..., N]. r is len(a).
    # hint: return x @ weight.T + bias + alpha / len(a) * (x @ a.T) @ b.T
    layer = x @ weight.T + bias
    return layer + alpha / len(a) * (x @ a.T) @ b.T
    # end


def merge(weight: Tensor, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    """The weight [N, C] of a layer without detour that computes the same."""
    # hole
    # hint: The detour as one matrix of shape [N, C].
    # hint: b @ a is [N, r] @ [r, C].
    # hint: return weight + alpha / len(a) * b @ a
    detour = b @ a
    return weight + alpha / len(a) * detour
    # end
