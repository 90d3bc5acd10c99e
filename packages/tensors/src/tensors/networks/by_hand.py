"""One hidden layer, way one: every gradient derived by hand and written in NumPy.

Forward, for N rows x:    a = x w1 + b1,    h = tanh(a),    z = h w2 + b2,    loss = mean(-log softmax(z)[target]).
Backward, from the end to the start; `d_z` is short for d(loss)/d(z) and has z's shape:

    d_z  = (softmax(z) - one_hot(target)) / N   too much probability pushes a logit down, too little pulls it up
    d_w2 = h^T d_z                              a weight's gradient: what came in times how wrong what went out was
    d_b2 = sum of d_z over rows                 a bias was repeated for every row, so its gradients add up
    d_h  = d_z w2^T                             the same wires, walked backwards
    d_a  = d_h * (1 - h^2)                      tanh' = 1 - tanh^2: a saturated unit (h near +-1) learns almost nothing
    d_w1 = x^T d_a,  d_b1 = row sum of d_a      the second layer's two lines again
"""

import numpy as np

from .penguins import Parameters, initial_parameters, load_penguins


def train_by_hand(seed: int = 0, steps: int = 100, learning_rate: float = 1.0) -> tuple[list[float], Parameters]:
    """Return the loss before each of `steps` steps of gradient descent on all penguins, and the final parameters."""
    x, targets = load_penguins()
    parameters = initial_parameters(seed)
    losses = []
    for _ in range(steps):
        loss, gradients = loss_and_gradients(parameters, x, targets)
        losses.append(loss)
        for name, gradient in gradients.items():
            parameters[name] -= learning_rate * gradient
    return losses, parameters


def loss_and_gradients(parameters: Parameters, x: np.ndarray, targets: np.ndarray) -> tuple[float, Parameters]:
    """Return the loss on rows `x` (N, 2) with classes `targets` (N,), and its gradient for each parameter."""
    n = len(x)
    w1, b1, w2, b2 = (parameters[name] for name in ("w1", "b1", "w2", "b2"))

    h = np.tanh(x @ w1 + b1)
    z = h @ w2 + b2
    z = z - z.max(axis=1, keepdims=True)  # softmax does not change, and exp cannot overflow
    log_softmax = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = -log_softmax[np.arange(n), targets].mean()

    d_z = np.exp(log_softmax)
    d_z[np.arange(n), targets] -= 1
    d_z /= n
    d_w2 = h.T @ d_z
    d_b2 = d_z.sum(axis=0)
    d_h = d_z @ w2.T
    d_a = d_h * (1 - h**2)
    d_w1 = x.T @ d_a
    d_b1 = d_a.sum(axis=0)
    return float(loss), {"w1": d_w1, "b1": d_b1, "w2": d_w2, "b2": d_b2}
