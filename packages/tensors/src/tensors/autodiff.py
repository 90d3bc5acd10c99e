"""Reverse-mode automatic differentiation over NumPy arrays, small enough to read in a sitting.

Every operation returns a new `Value` that remembers its data, the values it was made from (`parents`), and `pull`: a
function from the gradient of the loss with respect to this value to the gradients with respect to each parent (the
vector-Jacobian product). `backward` calls the pulls from the loss back to the leaves, each one once.

The idea is S. Linnainmaa's (1976); A. Griewank and A. Walther, "Evaluating Derivatives" (2008), is the textbook, and
karpathy/micrograd the well-known miniature, over single numbers. Names and results agree with torch's, in float64.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from .broadcasting import check_broadcast

Axis = int | tuple[int, ...] | None
Pull = Callable[[ndarray], tuple[ndarray, ...]]


class Value:
    """An array (float64) that knows how it was computed; `label` is its operation, or the name that you give to a leaf.

    `grad` is None until `backward` has reached the value, then an array of the same shape. Further calls add to it, as
    in torch. A value points to its parents and nothing points back, so that a graph is freed as soon as its last value
    goes out of scope. Do not change `data` in place between computing a loss and `backward`.
    """

    __slots__ = ("__weakref__", "data", "grad", "label", "parents", "pull")
    __array_ufunc__ = None  # makes `array * value` ask the Value, not NumPy

    def __init__(self, data: Any, label: str = "", parents: "tuple[Value, ...]" = (), pull: Pull | None = None) -> None:
        self.data: ndarray = np.asarray(data)
        if self.data.dtype.kind not in "fiub":
            raise TypeError(f"wanted real numbers, got {data!r}; convert them with np.asarray(..., dtype=float) first")
        self.data = self.data.astype(np.float64, copy=False)
        self.grad: Any = None
        self.label, self.parents, self.pull = label, parents, pull

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    def __repr__(self) -> str:
        return f"Value({self.data}, {self.label!r})"

    def backward(self) -> None:
        """Add d(self)/d(value) to the `grad` of every value that this one was computed from, and of itself (1)."""
        if self.shape != ():
            raise ValueError(
                f"wanted a loss that is one number (shape ()), got shape {self.shape}; take its sum() or mean()"
            )
        flowing: dict[int, Any] = {id(self): np.ones(())}
        for value in reversed(topological_order(self)):
            gradient = np.asarray(flowing.pop(id(value)))  # NumPy makes numbers of arrays without axes
            value.grad = gradient if value.grad is None else np.asarray(value.grad + gradient)
            if value.pull is not None:
                for parent, part in zip(value.parents, value.pull(gradient), strict=True):
                    # A value that is used twice gets a part from each use: the chain rule's sum over paths.
                    flowing[id(parent)] = flowing.get(id(parent), 0.0) + unbroadcast(part, parent.shape)

    # Elementwise, with NumPy's broadcasting; `backward` sums each gradient back to its parent's shape.

    def __add__(self, other: Any) -> "Value":
        other = self._partner(other)
        return Value(self.data + other.data, "+", (self, other), lambda g: (g, g))

    def __sub__(self, other: Any) -> "Value":
        other = self._partner(other)
        return Value(self.data - other.data, "-", (self, other), lambda g: (g, -g))

    def __mul__(self, other: Any) -> "Value":
        other = self._partner(other)
        a, b = self.data, other.data
        return Value(a * b, "*", (self, other), lambda g: (g * b, g * a))

    def __truediv__(self, other: Any) -> "Value":
        other = self._partner(other)
        b, result = other.data, self.data / other.data
        return Value(result, "/", (self, other), lambda g: (g / b, -g * (result / b)))  # b**2 may be 0 or infinite

    def __pow__(self, exponent: Any) -> "Value":
        """To the power of one real number, Python's or NumPy's."""
        if isinstance(exponent, Value) or np.ndim(exponent) or np.asarray(exponent).dtype.kind not in "fiub":
            raise TypeError(f"wanted a plain number as exponent, got {exponent!r}; write a**b as (b * a.log()).exp()")
        exponent = np.asarray(exponent).item()
        x = self.data
        slope = exponent * x ** (exponent - 1) if exponent else np.zeros(x.shape)
        return Value(x**exponent, f"** {exponent}", (self,), lambda g: (g * slope,))

    def exp(self) -> "Value":
        result = np.exp(self.data)
        return Value(result, "exp", (self,), lambda g: (g * result,))

    def log(self) -> "Value":
        x = self.data
        if not (x > 0).all():
            raise ValueError(
                f"wanted positive numbers, got {x.min()} among them; log has no value there, check its input"
            )
        return Value(np.log(x), "log", (self,), lambda g: (g / x,))

    def tanh(self) -> "Value":
        result = np.tanh(self.data)
        return Value(result, "tanh", (self,), lambda g: (g * (1 - result**2),))

    def relu(self) -> "Value":
        closed = self.data <= 0  # NaN goes through, as in torch; a product with 0 would make NaN of infinities
        return Value(np.where(closed, 0.0, self.data), "relu", (self,), lambda g: (np.where(closed, 0.0, g),))

    # Operations that mix or move elements.

    def __matmul__(self, other: Any) -> "Value":
        other = other if isinstance(other, Value) else Value(other)
        a, b = self.data, other.data
        if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
            raise ValueError(
                f"wanted shapes (..., n, k) @ (..., k, m), got {a.shape} @ {b.shape}; transpose or reshape one of them"
            )
        check_broadcast(a.shape[:-2], b.shape[:-2])
        return Value(a @ b, "@", (self, other), lambda g: (g @ b.swapaxes(-1, -2), a.swapaxes(-1, -2) @ g))

    def sum(self, axis: Axis = None, keepdims: bool = False) -> "Value":
        shape = self.shape

        def pull(g: ndarray) -> tuple[ndarray]:
            if axis is not None and not keepdims and shape:  # one number without axes may be summed over axis 0, too
                g = np.expand_dims(g, axis)
            return (np.broadcast_to(g, shape),)

        return Value(self.data.sum(axis=axis, keepdims=keepdims), "sum", (self,), pull)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> "Value":
        total = self.sum(axis, keepdims)
        return total * (total.data.size / self.data.size if self.data.size else np.nan)  # of nothing, as in torch

    def reshape(self, *shape: Any) -> "Value":
        old = self.shape
        return Value(self.data.reshape(*shape), "reshape", (self,), lambda g: (g.reshape(old),))

    def swapaxes(self, first: int, second: int) -> "Value":
        return Value(self.data.swapaxes(first, second), "transpose", (self,), lambda g: (g.swapaxes(first, second),))

    @property
    def T(self) -> "Value":
        """The matrix with its last two axes exchanged."""
        return self.swapaxes(-1, -2)

    def __getitem__(self, index: Any) -> "Value":
        """Any NumPy index: numbers, slices, arrays, masks. An element that is picked twice gets both gradients."""
        shape = self.shape

        def pull(g: ndarray) -> tuple[ndarray]:
            gradient = np.zeros(shape)
            np.add.at(gradient, index, g)
            return (gradient,)

        return Value(self.data[index], "index", (self,), pull)

    # Written with the operations above.

    def __neg__(self) -> "Value":
        return self * -1

    def __radd__(self, other: Any) -> "Value":
        return self + other

    def __rmul__(self, other: Any) -> "Value":
        return self * other

    def __rsub__(self, other: Any) -> "Value":
        return Value(other) - self

    def __rtruediv__(self, other: Any) -> "Value":
        return Value(other) / self

    def __rmatmul__(self, other: Any) -> "Value":
        return Value(other) @ self

    def _partner(self, other: Any) -> "Value":
        other = other if isinstance(other, Value) else Value(other)
        check_broadcast(self.shape, other.shape)
        return other


def topological_order(last: Value) -> list[Value]:
    """Return every value that `last` was computed from, parents before children, `last` at the end.

    A loop and not a recursion: a deep graph must not meet Python's recursion limit.
    """
    order: list[Value] = []
    seen: set[int] = set()
    stack = [(last, False)]
    while stack:
        value, parents_done = stack.pop()
        if parents_done:
            order.append(value)
        elif id(value) not in seen:
            seen.add(id(value))
            stack.append((value, True))
            stack.extend((parent, False) for parent in value.parents)
    return order


def unbroadcast(gradient: Any, shape: tuple[int, ...]) -> Any:
    """Sum `gradient` over the axes along which broadcasting repeated a value of this `shape`."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    return gradient.sum(axis=tuple(i for i, size in enumerate(shape) if size == 1), keepdims=True)
