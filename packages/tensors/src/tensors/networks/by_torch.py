"""One hidden layer, way three: as one writes it in torch, with its modules, its loss and its optimizer."""

import torch
from torch import nn

from .penguins import Parameters, initial_parameters, load_penguins


def train_by_torch(seed: int = 0, steps: int = 100, learning_rate: float = 1.0) -> tuple[list[float], Parameters]:
    """Return the loss before each of `steps` steps of gradient descent on all penguins, and the final parameters."""
    x, targets = (torch.from_numpy(array) for array in load_penguins())
    first, second = nn.Linear(2, 8, dtype=torch.float64), nn.Linear(8, 2, dtype=torch.float64)
    model = nn.Sequential(first, nn.Tanh(), second)
    names = {"w1": first.weight, "b1": first.bias, "w2": second.weight, "b2": second.bias}
    with torch.no_grad():
        for name, array in initial_parameters(seed).items():
            names[name].copy_(torch.from_numpy(array.T))  # nn.Linear keeps its weight as (outputs, inputs)

    optimizer = torch.optim.SGD(model.parameters(), learning_rate)
    losses = []
    for _ in range(steps):
        loss = nn.functional.cross_entropy(model(x), targets)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses, {name: parameter.detach().numpy().T for name, parameter in names.items()}
