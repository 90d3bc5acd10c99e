"""Gradients of a matrix product.

Nearly all the time that a model takes is spent in products of matrices: each layer is one. Going forward, `c = a @ b`.
Going back, the gradient of `c` arrives, one number for each number of `c`, and both `a` and `b` want theirs.

There is no need to remember the formulas: the shapes leave little choice. `a` is [n, k], `b` is [k, m], so the gradient
of `c` is [n, m]. The gradient of `a` must be [n, k] again, and is made of the gradient of `c` and of `b`. For single
numbers, k = n = m = 1, it must be the rule of the product.

Write `backward_matmul`: the gradients of `a` and of `b`.
"""

from numpy import ndarray


def backward_matmul(a: ndarray, b: ndarray, gradient: ndarray) -> tuple[ndarray, ndarray]:
    """For c = a @ b and the gradient of c, [n, m]: those of a, [n, k], and of b, [k, m]."""
    # hole
    # hint: Which product of an [n, m] and a [k, m] matrix, one of them transposed, has the shape [n, k]?
    # hint: The gradient of a is `gradient @ b.T`.
    # hint: The gradient of b has shape [k, m]: `a.T @ gradient`.
    for_a = gradient @ b.T
    for_b = a.T @ gradient
    return for_a, for_b
    # end
