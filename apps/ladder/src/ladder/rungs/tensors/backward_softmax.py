"""Gradient of softmax.

Softmax turns scores into shares that add up to 1: p = exp(x) / sum(exp(x)). Attention uses it to say how much each
token counts, and the last layer to say how likely each next token is.

Its gradient is special, because every score touches every share: if one share grows, the others shrink. With p the
shares and g the gradient that arrives for them, one for each share, score i gets

    p_i * (g_i - sum over j of p_j * g_j)

In words: only what is better than the average counts, the average being weighted by the shares themselves.

Write `backward_softmax` for rows: every row of `p` is a softmax of its own.
"""

from numpy import ndarray


def backward_softmax(p: ndarray, gradient: ndarray) -> ndarray:
    """Gradient of the scores, [n, m], from the shares p, [n, m], and the gradient of the shares, [n, m]."""
    # hole
    # hint: First the weighted average of each row of the gradient.
    # hint: `(p * gradient).sum(axis=-1)` has shape [n]; to subtract it from [n, m] it must be [n, 1].
    # hint: keepdims=True keeps the axis: average = (p * gradient).sum(axis=-1, keepdims=True).
    average = (p * gradient).sum(axis=-1, keepdims=True)
    better = gradient - average
    return p * better
    # end
