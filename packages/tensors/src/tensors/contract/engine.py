"""How the contract speaks to an engine: four functions and a table of operations, with torch's names as defaults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "exp": lambda a: a.exp(),
    "log": lambda a: a.log(),
    "tanh": lambda a: a.tanh(),
    "relu": lambda a: a.relu(),
    "sum": lambda a, *axis: a.sum(*axis),
    "mean": lambda a, *axis: a.mean(*axis),
    "matmul": lambda a, b: a @ b,
    "transpose": lambda a: a.T,
    "reshape": lambda a, *shape: a.reshape(*shape),
    "rows": lambda a, indices: a[indices],
    "cross_entropy": lambda logits, targets: torch.nn.functional.cross_entropy(logits, torch.tensor(targets)),
}


class MissingOperation(Exception):
    """A claim needs an operation that the engine's table does not have."""


@dataclass(frozen=True)
class Engine:
    """An engine as the contract sees it.

    value: makes a leaf from a float or nested lists of floats (float64 if there is a choice)
    numbers: what a value holds, as anything that torch.as_tensor takes
    gradient: the same for its gradient; None where `backward` has not been
    backward: starts at a value that is one number
    operations: `OPERATIONS`, some replaced; leave those out that the engine lacks, and the claims that need them are
        left out too. `cross_entropy(logits, list of targets)` is the mean over rows of -log softmax(logits)[target].
    """

    value: Callable[[Any], Any]
    numbers: Callable[[Any], Any] = lambda value: value.data
    gradient: Callable[[Any], Any] = lambda value: value.grad
    backward: Callable[[Any], Any] = lambda value: value.backward()
    operations: Mapping[str, Callable[..., Any]] = field(default_factory=lambda: OPERATIONS)

    def __post_init__(self) -> None:
        if unknown := set(self.operations) - set(OPERATIONS):
            raise ValueError(
                f"wanted operations among {', '.join(OPERATIONS)}, got {sorted(unknown)}; correct the names"
            )

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in OPERATIONS:
            raise AttributeError(name)
        if name not in self.operations:
            raise MissingOperation(name)
        return self.operations[name]


TORCH = Engine(value=lambda numbers: torch.tensor(numbers, dtype=torch.float64, requires_grad=True))
