"""One hidden layer, way two: the forward pass in Values; the gradients are the engine's work."""

from ..autodiff import Value
from ..cross_entropy import softmax_cross_entropy
from .penguins import Parameters, initial_parameters, load_penguins


def train_by_engine(seed: int = 0, steps: int = 100, learning_rate: float = 1.0) -> tuple[list[float], Parameters]:
    """Return the loss before each of `steps` steps of gradient descent on all penguins, and the final parameters."""
    x, targets = load_penguins()
    parameters = {name: Value(array, name) for name, array in initial_parameters(seed).items()}
    losses = []
    for _ in range(steps):
        hidden = (x @ parameters["w1"] + parameters["b1"]).tanh()
        loss = softmax_cross_entropy(hidden @ parameters["w2"] + parameters["b2"], targets)
        losses.append(float(loss.data))

        loss.backward()
        for name, parameter in parameters.items():
            # A new leaf for the next step: without history, and without the gradient that backward would add to.
            parameters[name] = Value(parameter.data - learning_rate * parameter.grad, name)
    return losses, {name: parameter.data for name, parameter in parameters.items()}
