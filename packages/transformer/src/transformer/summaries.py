"""What a module costs, part by part: weights, arithmetic, and the memory that training holds between forward and
backward."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Cost:
    """One line of a summary. A part's numbers include those of the parts inside it."""

    name: str
    kind: str
    depth: int
    parameters: int
    """Numbers to learn, shared ones once."""
    flops: int
    """Of one forward pass: a multiplication and an addition are two. Matrix products and attention are counted; a
    training step takes three times as many."""
    activation_bytes: int
    """Memory kept for the backward pass, each tensor charged to the part that keeps it first."""


@dataclass(frozen=True)
class Summary:
    """The costs of a module for one input. `print` shows a table; `summary["attention"]` is a line of it."""

    costs: tuple[Cost, ...]

    @property
    def total(self) -> Cost:
        return self.costs[0]

    def __getitem__(self, name: str) -> Cost:
        found = [cost for cost in self.costs if cost.name == name]
        if not found:
            names = ", ".join(cost.name for cost in self.costs[1:])
            raise KeyError(f"wanted a part of the summary, got {name!r}; its parts are {names}")
        return found[0]

    def __str__(self) -> str:
        cells = [("part", "kind", "parameters", "MFLOPs forward", "KiB kept"), *map(as_cells, self.costs)]
        width = [max(len(row[column]) for row in cells) for column in range(5)]
        lines = [
            f"| {row[0]:<{width[0]}} | {row[1]:<{width[1]}} | "
            + " | ".join(f"{cell:>{wide}}" for cell, wide in zip(row[2:], width[2:], strict=True))
            + " |"
            for row in cells
        ]
        rule = "|".join("-" * (wide + 1) + ("-" if column < 2 else ":") for column, wide in enumerate(width))
        return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def as_cells(cost: Cost) -> tuple[str, ...]:
    name = "  " * (cost.depth - 1) + cost.name if cost.depth else "whole"
    return name, cost.kind, f"{cost.parameters:,}", f"{cost.flops / 1e6:,.3f}", f"{cost.activation_bytes / 1024:,.1f}"


def summary(module: nn.Module, *inputs: Any, depth: int | None = None, **named: Any) -> Summary:
    """What `module(*inputs, **named)` costs, measured by calling it once with gradients. `depth` ends the table after
    so many levels. Costs other than parameters grow with the batch: pass one row to learn the cost of a row.

    FLOPs are those of torch's own counter (torch/utils/flop_counter.py). A tensor is kept once, whoever looks at it;
    weights are not counted as kept, inputs are where a part keeps them. Random state is left as it was.
    """
    names = {part: name for name, part in module.named_modules()}
    flops, kept = dict.fromkeys(names.values(), 0), dict.fromkeys(names.values(), 0)
    called = called_parts(module, names, flops, kept, inputs, named)
    costs = []
    for part, name in names.items():
        level = sum(name.startswith(f"{outer}.") for outer in called if outer) + 1 if name else 0
        parameters = sum(weight.numel() for weight in part.parameters())
        costs_something = parameters or flops[name] or kept[name]
        if not name or (name in called and costs_something and (depth is None or level <= depth)):
            costs.append(Cost(name, type(part).__name__, level, parameters, flops[name], kept[name]))
    return Summary(tuple(costs))


def called_parts(
    module: nn.Module,
    names: dict[nn.Module, str],
    flops: dict[str, int],
    kept: dict[str, int],
    inputs: tuple[Any, ...],
    named: dict[str, Any],
) -> set[str]:
    """Call the module, add up its parts' costs in `flops` and `kept`, and return the names of the parts that ran."""
    from torch.utils.flop_counter import FlopCounterMode  # with it come Triton's compiler and 80 MB

    running: list[tuple[str, int]] = []
    called: set[str] = set()
    seen = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *module.buffers())}

    def enter(part: nn.Module, _: Any) -> None:
        running.append((names[part], counter.get_total_flops()))
        called.add(names[part])

    def leave(*_: Any) -> None:
        name, before = running.pop()
        flops[name] += counter.get_total_flops() - before

    enter.only_looks = leave.only_looks = True  # type: ignore[attr-defined]

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            for name in {name for name, _ in running}:
                kept[name] += storage.nbytes()
        return tensor

    with ExitStack() as stack:
        for part in names:
            stack.callback(part.register_forward_pre_hook(enter).remove)
            stack.callback(part.register_forward_hook(leave).remove)
        stack.enter_context(random_state_kept(module))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor))
        counter = stack.enter_context(FlopCounterMode(display=False))
        alive = module(*inputs, **named)  # what is kept stays while the output does, so no address comes twice
        del alive
    return called


@contextmanager
def random_state_kept(module: nn.Module) -> Iterator[None]:
    devices = {weight.device for weight in module.parameters() if weight.device.type == "cuda"}
    with torch.random.fork_rng(devices=list(devices)):
        yield
