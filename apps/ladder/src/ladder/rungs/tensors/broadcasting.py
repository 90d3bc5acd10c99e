"""Which shape comes out when two shapes meet.

Nearly every line of a model adds or multiplies tensors of different shapes: a bias [C] to activations [B, T, C], a mask
[T, T] to scores [B, H, T, T]. The rule that makes this work is short, and most wrong results of a first model come from
not knowing it.

Lay the shapes on top of each other so that their right ends meet. Where one shape has no more sizes, it counts as 1.
Two sizes fit when they are equal or when one of them is 1, and the other one comes out. Anything else is an error.

Write `broadcast_shape`: the shape that comes out, and ValueError where the shapes do not fit.
"""


def broadcast_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of x + y for x of shape `a` and y of shape `b`."""
    # hole
    # hint: Make both shapes equally long first: with ones, and on the left.
    # hint: `(1,) * n + a` puts n ones in front. Then go through both with zip.
    # hint: For sizes m and n: an error if m != n and neither is 1; else the one that is not 1. A size may be 0.
    length = max(len(a), len(b))
    a, b = (1,) * (length - len(a)) + a, (1,) * (length - len(b)) + b
    for m, n in zip(a, b, strict=True):
        if m != n and 1 not in (m, n):
            raise ValueError(f"{m} and {n} do not fit")
    return tuple(n if m == 1 else m for m, n in zip(a, b, strict=True))
    # end
