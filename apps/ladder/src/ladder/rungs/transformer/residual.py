"""Why layers add instead of replace.

Stack fifty layers, each of which replaces its input by something a bit smaller, and the gradient that reaches the first
one is a product of fifty small factors: nothing. It was long believed that deep networks cannot be trained.

The cure is one plus sign. Each layer adds to a stream that runs through all of them: x + layer(x). The gradient of a
sum is passed on as it is, so the first layer hears the loss as loudly as the last one, whatever lies between. A layer
with nothing to say adds nothing.

Each layer reads what all layers before it have made of the stream. Do not change the tensor that you are given: x += …
would.

Write `stream`: what comes out after all layers.
"""

from collections.abc import Callable, Sequence

from torch import Tensor


def stream(x: Tensor, layers: Sequence[Callable[[Tensor], Tensor]]) -> Tensor:
    """x after each layer in turn has added what it makes of the stream."""
    # hole
    # hint: A loop over the layers.
    # hint: Each turn makes a new x from the old one.
    # hint: x = x + layer(x)
    for layer in layers:
        x = x + layer(x)
    return x
    # end
