"""A large batch in small pieces.

A batch that does not fit into memory is cut into micro-batches whose gradients are added up. The result should be the
same as if it had never been cut. The usual code divides each piece's mean loss by the number of pieces, which is wrong
as soon as pieces differ in size: texts are ragged, so a piece with ten tokens would count as much as one with a
thousand.

The cure: a loss is a sum and a count, `loss(model, batch) -> (total, count)`. Add up the gradients of the sums and
divide once, at the end, by all that was counted.

Write `accumulate`: it leaves the gradients of the mean over everything in `.grad`, and returns that mean. There is at
least one item in all, though a single piece may have none.
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

Loss = Callable[[nn.Module, Any], tuple[Tensor, int | Tensor]]


def accumulate(model: nn.Module, micro_batches: Sequence[Any], loss: Loss) -> float:
    """The mean loss over all micro-batches, with its gradients in the weights' .grad (what was there is forgotten)."""
    # hole
    # hint: Clear the gradients once, before the first piece. backward() on each piece's total adds them up by itself.
    # hint: Keep two sums, of totals (total.item()) and of counts (float(count)); call total.backward() for each piece.
    # hint: At the end divide each weight.grad by the count (weight.grad may be None) and return total / count.
    model.zero_grad()
    summed, counted_items = 0.0, 0.0
    for batch in micro_batches:
        total, count = loss(model, batch)
        total.backward()
        summed, counted_items = summed + total.item(), counted_items + float(count)
    for weight in model.parameters():
        if weight.grad is not None:
            weight.grad /= counted_items
    return summed / counted_items
    # end
