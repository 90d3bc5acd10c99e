"""Losses as sums and counts. The division comes once, in the loop, so uneven batches need no care."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from tensors import IGNORED as IGNORED


def squared_error(predictions: Float[Tensor, "..."], targets: Float[Tensor, "..."]) -> tuple[Float[Tensor, ""], int]:
    """Summed squared differences and their number; total / count is the mean squared error.

    Shapes must be equal: [B, 1] against [B] would broadcast to [B, B] and train on nonsense.
    """
    if predictions.shape != targets.shape:
        raise ValueError(
            f"wanted predictions and targets of one shape, got {list(predictions.shape)} and {list(targets.shape)}; "
            f"add or drop the last dimension with unsqueeze(-1) or squeeze(-1)"
        )
    return functional.mse_loss(predictions, targets, reduction="sum"), targets.numel()


def cross_entropy(
    logits: Float[Tensor, "*batch V"],
    targets: Int[Tensor, "*batch"],
    *,
    class_weights: Float[Tensor, " V"] | None = None,
    label_smoothing: float = 0.0,
    ignored: int = IGNORED,
) -> tuple[Float[Tensor, ""], Tensor]:
    """Summed -log softmax(logits)[target] in nats, and the number of targets other than `ignored`.

    `class_weights` weigh each example by its class in both sum and count: the count is then a sum of weights, as in
    torch's mean. `label_smoothing` moves that share of each target evenly over all V classes (arXiv 1512.00567).
    """
    if targets.is_floating_point() or not logits.is_floating_point():
        raise TypeError(
            f"wanted logits of a floating dtype and targets that are class numbers, got {logits.dtype} and "
            f"{targets.dtype}; convert with logits.float() and targets.long()"
        )
    flat, goals = logits.flatten(0, -2), targets.flatten()
    try:
        total = functional.cross_entropy(
            flat, goals, weight=class_weights, ignore_index=ignored, reduction="sum", label_smoothing=label_smoothing
        )
    except IndexError as error:  # on a GPU torch can only assert inside a kernel
        kept = goals[goals != ignored]
        raise ValueError(
            f"wanted targets from 0 to {logits.shape[-1] - 1}, got {int(kept.min())} to {int(kept.max())}; "
            f"check the labels, or the size of the last layer"
        ) from error
    counted = goals != ignored
    return total, counted.sum() if class_weights is None else class_weights[goals[counted]].sum()


def closed_form(inputs: Float[Tensor, "N F"], targets: Float[Tensor, "N O"]) -> Float[Tensor, "F+1 O"]:
    """The weights of linear regression that minimize the squared error, bias in the last row.

    Least squares by QR (`torch.linalg.lstsq`), not the normal equations, which square the condition number. float64 on
    the CPU; needs linearly independent columns.
    """
    if len(inputs) <= inputs.shape[1]:
        raise ValueError(
            f"wanted more examples than weights, got {len(inputs)} for {inputs.shape[1]} and a bias; "
            f"collect more or use fewer features"
        )
    ones = torch.ones(len(inputs), 1, dtype=torch.float64)
    return torch.linalg.lstsq(torch.cat([inputs.double().cpu(), ones], 1), targets.double().cpu()).solution
