"""One training step.

All training, of any model, is this step again and again: ask the model for its loss on a batch, find the gradient of
every weight, move each weight a little against its gradient. In torch the gradients are added to what `.grad` holds
already, so that one can collect them over several batches. Who forgets to clear them trains on the sum of all gradients
so far, and wonders why the loss explodes.

`loss(model, batch)` gives the loss as a tensor with one number. What you return is a plain number, or the tensor would
keep the whole graph of the step alive.

Write `training_step`: one step on a batch, which returns the loss before the update.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def training_step(
    model: nn.Module, batch: Any, loss: Callable[[nn.Module, Any], Tensor], optimizer: torch.optim.Optimizer
) -> float:
    """Move the weights by one step on `batch`; the loss before it, as a float."""
    # hole
    # hint: Four things, in this order: clear, loss, backward, step.
    # hint: optimizer.zero_grad() clears; value.backward() fills every .grad; optimizer.step() moves the weights.
    # hint: value = loss(model, batch), and at the end `return value.item()`.
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    optimizer.step()
    return value.item()
    # end
