"""A network by hand.

One hidden layer, by hand, once in your life: after it, `loss.backward()` is no magic any more.

    hidden = tanh(x @ w1 + b1)          [n, h]
    logits = hidden @ w2 + b2           [n, k]
    loss   = mean over rows of -log softmax(logits)[target]

The first step back is the kindest formula of the field: the gradient of one row's loss with respect to its logits is
softmax(logits) minus 1 at the target. Since the loss is a mean over n rows, divide by n. The rest is what you know: a
matrix product passes its gradient on twice, a bias gets the sum over rows, and tanh multiplies by 1 - tanh².

Write `gradients`; the forward pass is there.
"""

import numpy as np
from numpy import ndarray


def gradients(
    x: ndarray, targets: ndarray, w1: ndarray, b1: ndarray, w2: ndarray, b2: ndarray
) -> tuple[float, ndarray, ndarray, ndarray, ndarray]:
    """The loss, and its gradients for w1, b1, w2 and b2. x is [n, d], targets [n] whole numbers below k."""
    n = len(x)
    hidden = np.tanh(x @ w1 + b1)
    logits = hidden @ w2 + b2
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    loss = float(-np.log(shares[np.arange(n), targets]).mean())
    # hole
    # hint: Begin with a copy of shares, subtract 1 at [row, target] of each row, and divide by n.
    # hint: With d the gradient of the logits: w2 gets hidden.T @ d, b2 gets d.sum(axis=0), hidden gets d @ w2.T.
    # hint: Through tanh: e = (d @ w2.T) * (1 - hidden**2). Then w1 gets x.T @ e, and b1 gets e.sum(axis=0).
    d = shares.copy()
    d[np.arange(n), targets] -= 1
    d /= n
    for_w2, for_b2 = hidden.T @ d, d.sum(axis=0)
    e = (d @ w2.T) * (1 - hidden**2)
    for_w1, for_b1 = x.T @ e, e.sum(axis=0)
    return loss, for_w1, for_b1, for_w2, for_b2
    # end
