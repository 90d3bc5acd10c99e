"""Optimizers that do not load torch's compiler."""

from inspect import unwrap
from typing import Any

from torch.optim import Optimizer


class LightOptimizer(Optimizer):
    """Two methods of torch's optimizers, called without the wrapper that hides them from `torch.compile`.

    That wrapper imports the whole compiler (torch._dynamo) at its first call: more than importing torch itself takes.
    A training step compiles the loss, never these methods, so nothing needs to be hidden.
    """

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As torch's."""
        unwrap(Optimizer.add_param_group)(self, param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """As torch's."""
        unwrap(Optimizer.zero_grad)(self, set_to_none)
