"""Gradients of a sum and of a product.

A network learns by asking of each of its numbers: if this were a little larger, how much would the loss grow? That is
its gradient. An autodiff engine finds all of them in one walk from the loss back to the start. Each operation says how
the gradient of its result is passed on to its inputs, and the walk adds up what arrives.

`a + b` grows as fast as `a` does. `a * b` grows `b` times as fast as `a` does. And a number that is used twice is
pushed from both sides: what arrives adds up.

Write the two functions `pull` (from the gradient g of the result to those of both inputs), and the walk itself.
"""

from collections.abc import Callable
from typing import Any

Pull = Callable[[float], tuple[float, ...]]


class Value:
    """A number that knows what it was made from. `grad` is None until a walk has reached it."""

    def __init__(self, data: float, parents: "tuple[Value, ...]" = (), pull: Pull | None = None) -> None:
        self.data, self.parents, self.pull = data, parents, pull
        self.grad: Any = None

    def __add__(self, other: "Value") -> "Value":
        def pull(g: float) -> tuple[float, ...]:
            # hole
            # hint: If a grows by a little, a + b grows by as much.
            # hint: Both inputs get the gradient as it is.
            # hint: Return the pair (g, g).
            return g, g
            # end

        return Value(self.data + other.data, (self, other), pull)

    def __mul__(self, other: "Value") -> "Value":
        def pull(g: float) -> tuple[float, ...]:
            # hole
            # hint: If a grows by a little, a * b grows by that times b.
            # hint: Each input gets g times the number of the other one (its .data).
            # hint: Return (g * other.data, g * self.data).
            return g * other.data, g * self.data
            # end

        return Value(self.data * other.data, (self, other), pull)

    def backward(self) -> None:
        """Add to the `grad` of this value (1) and of all that it was made from."""
        arriving = {id(self): 1.0}
        for value in reversed(order(self)):
            g = arriving[id(value)]
            # hole
            # hint: Two things happen to g: it is added to value.grad (which may be None), and it is passed on.
            # hint: Leaves have no pull. For others, zip value.parents with value.pull(g).
            # hint: Add each part to arriving: arriving[id(parent)] = arriving.get(id(parent), 0.0) + part.
            value.grad = g if value.grad is None else value.grad + g
            if value.pull is not None:
                for parent, part in zip(value.parents, value.pull(g), strict=True):
                    arriving[id(parent)] = arriving.get(id(parent), 0.0) + part
            # end


def order(last: Value) -> list[Value]:
    """All values that `last` was made from and itself, each one after what it was made from."""
    found: list[Value] = []
    seen: set[int] = set()
    stack = [(last, False)]
    while stack:
        value, parents_done = stack.pop()
        if parents_done:
            found.append(value)
        elif id(value) not in seen:
            seen.add(id(value))
            stack.append((value, True))
            stack.extend((parent, False) for parent in value.parents)
    return found
