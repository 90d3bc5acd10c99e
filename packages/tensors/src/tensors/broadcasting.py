"""How two shapes of different size fit together, told in words.

The rule, which NumPy and torch share: write the shapes under each other, right-aligned. On every axis the sizes must be
equal, or one of them 1 or absent; that one is repeated.
"""

from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Broadcast:
    """What becomes of two shapes: `shape` is the result's, None where they do not fit. `str()` tells it by axis."""

    left: Shape
    right: Shape
    shape: Shape | None
    steps: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.shape is not None

    def __str__(self) -> str:
        outcome = f"give {self.shape}" if self else "do not fit"
        return "\n".join([f"{self.left} and {self.right} {outcome}", *(f"  {step}" for step in self.steps)])


def explain_broadcast(left: Shape, right: Shape) -> Broadcast:
    """Return how arrays of shape `left` and `right` broadcast, axis by axis from the last, or why they do not."""
    left, right = tuple(left), tuple(right)
    steps: list[str] = []
    result: list[int | None] = []
    for axis in range(-1, -max(len(left), len(right)) - 1, -1):
        a = left[axis] if -axis <= len(left) else None
        b = right[axis] if -axis <= len(right) else None
        size, words = _one_axis(a, b)
        steps.append(f"axis {axis}: {words}")
        result.insert(0, size)
    shape = tuple(size for size in result if size is not None)
    if len(shape) < len(result):
        return Broadcast(left, right, None, (*steps, _advice(left, right)))
    return Broadcast(left, right, shape, tuple(steps))


def check_broadcast(left: Shape, right: Shape) -> None:
    """Raise ValueError, with the explanation, if the two shapes do not broadcast."""
    if left != right and not (explanation := explain_broadcast(left, right)):
        raise ValueError(f"wanted shapes that broadcast, got {explanation}")


def _one_axis(left: int | None, right: int | None) -> tuple[int | None, str]:
    if left is None or right is None:
        side, size = ("left", right) if left is None else ("right", left)
        return size, f"{side} has no such axis and is repeated {size} times"
    if left == right:
        return left, f"both have {left}"
    if 1 in (left, right):
        side, size = ("left", right) if left == 1 else ("right", left)
        return size, f"{side} has 1 and is repeated {size} times"
    return None, f"{left} and {right} differ, and neither is 1"


def _advice(left: Shape, right: Shape) -> str:
    """Name the new axis that would help: most often an array of rows meets one number per row."""
    for side, shape, other in (("left", left, right), ("right", right, left)):
        if shape and len(shape) < len(other) and explain_broadcast((*shape, 1), other):
            return f"; to pair them row by row write {side}[..., None], which has shape {(*shape, 1)}"
    return "; reshape or transpose one of them so that the axes that belong together are aligned on the right"
