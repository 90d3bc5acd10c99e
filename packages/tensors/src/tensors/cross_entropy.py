"""The loss of a classifier as one operation of the autodiff engine."""

from typing import Any

import numpy as np
from numpy import ndarray

from .autodiff import Value


def softmax_cross_entropy(logits: Value, targets: Any) -> Value:
    """Return the mean over rows of `-log softmax(logits)[target]`; logits (N, V), targets N integers from 0 to V - 1.

    One operation, because the gradient of the whole, (softmax - one_hot) / N, is simpler and safer than its parts'.
    """
    targets = np.asarray(targets)
    if logits.data.ndim != 2 or targets.shape != logits.shape[:1] or targets.dtype.kind not in "iu":
        raise ValueError(
            f"wanted logits (N, V) and N integer targets, got {logits.shape} and {targets.dtype} {targets.shape}; "
            "give one class number for each row"
        )
    n, classes = logits.shape
    if targets.size == 0 or targets.min() < 0 or targets.max() >= classes:
        raise ValueError(
            f"wanted targets from 0 to {classes - 1}, at least one, got {targets}; check the number of classes"
        )
    rows = np.arange(n)
    shifted = logits.data - logits.data.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def pull(g: ndarray) -> tuple[ndarray]:
        gradient = np.exp(log_softmax)
        gradient[rows, targets] -= 1
        return (g * gradient / n,)

    return Value(-log_softmax[rows, targets].mean(), "cross-entropy", (logits,), pull)
