"""The part of a checkpoint that holds an optimizer: state by parameter name, hyper-parameters as JSON."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ..processes.ranks import is_first_rank, sharded_like
from .parts import write_tensors

logger = logging.getLogger(__name__)

RUN_BY = {"fused", "foreach", "capturable", "differentiable"}
"""Options that say how an update is computed on this machine, not what it is: they stay the running process's."""


class OptimizerPart:
    """State tensors in optimizer.safetensors as PARAMETER/KEY, hyper-parameters of each group in optimizer.json."""

    def __init__(self, optimizer: torch.optim.Optimizer, model: nn.Module, name: str = "optimizer"):
        self.optimizer, self.model, self.name = optimizer, model, name
        self.file = f"{name}.safetensors"

    def save(self, folder: Path) -> None:
        write_tensors(folder / self.file, self.tensors())
        if is_first_rank():
            (folder / f"{self.name}.json").write_text(json.dumps(self.plain(), indent=1), encoding="utf-8")

    def load(self, folder: Path) -> None:
        self.take(folder, {key: view.clone() for key, view in load_file(folder / self.file).items()})

    def take(self, folder: Path, tensors: Mapping[str, Tensor]) -> None:
        saved = json.loads((folder / f"{self.name}.json").read_text(encoding="utf-8"))
        self.check_groups(saved["groups"])
        parameters = self.parameters()
        ours = {key: _laid_out_like(parameters[key.rpartition("/")[0]], value) for key, value in tensors.items()}
        self.restore(saved, ours)

    def tensors(self) -> dict[str, Tensor]:
        """PARAMETER/KEY -> state tensor."""
        names, state = self._names(), self.optimizer.state
        named = {f"{names[p]}/{key}": value for p in state for key, value in state[p].items()}
        return {key: value for key, value in named.items() if isinstance(value, Tensor)}

    def plain(self) -> dict[str, Any]:
        """Parameter groups, by name, and what state is no tensor: everything that JSON holds."""
        names, state = self._names(), self.optimizer.state
        named = {f"{names[p]}/{key}": value for p in state for key, value in state[p].items()}
        groups = [{**group, "params": [names[p] for p in group["params"]]} for group in self.optimizer.param_groups]
        return {
            "groups": groups,
            "state": {key: value for key, value in named.items() if not isinstance(value, Tensor)},
        }

    def parameters(self) -> dict[str, Tensor]:
        return {name: parameter for parameter, name in self._names().items()}

    def check_groups(self, saved: list[dict[str, Any]]) -> None:
        ours, theirs = self.plain()["groups"], [group["params"] for group in saved]
        if [group["params"] for group in ours] != theirs:
            raise ValueError(
                f"wanted a saved {self.name} with parameter groups {_short([g['params'] for g in ours])}, got "
                f"{_short(theirs)}; build the optimizer as the saved run did, or start without its state"
            )

    def restore(self, saved: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Give the optimizer the state `tensors` and the saved groups; torch moves it to the parameters' devices."""
        names = [name for group in saved["groups"] for name in group["params"]]
        number = {name: i for i, name in enumerate(names)}
        state: dict[int, dict[str, Any]] = {}
        for key, value in {**tensors, **saved["state"]}.items():
            name, _, slot = key.rpartition("/")
            state.setdefault(number[name], {})[slot] = value
        groups = [
            {**_restored(current, group), "params": [number[name] for name in group["params"]]}
            for current, group in zip(self.optimizer.param_groups, saved["groups"], strict=True)
        ]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})

    def _names(self) -> dict[Tensor, str]:
        names: dict[Tensor, str] = {parameter: name for name, parameter in self.model.named_parameters()}
        strangers = [p for group in self.optimizer.param_groups for p in group["params"] if p not in names]
        if strangers:
            shapes = [tuple(p.shape) for p in strangers]
            raise ValueError(
                f"wanted an optimizer over the model's own parameters, got others of shapes {shapes}; "
                f"make it after the model has its final parameters"
            )
        return names


def _laid_out_like(parameter: Tensor, value: Tensor) -> Tensor:
    """`value` in memory as its parameter is (sharded, channels last): torch's fused updates go by position alone."""
    value = sharded_like(value, parameter) if value.ndim else value
    if value.shape != parameter.shape or value.stride() == parameter.stride():
        return value
    return torch.empty_like(parameter, dtype=value.dtype, device=value.device).copy_(value)


def _restored(current: Mapping[str, Any], saved: Mapping[str, Any]) -> dict[str, Any]:
    """A group's saved hyper-parameters with JSON's lists as the tuples they were."""
    group = {key: tuple(value) if isinstance(value, list) else value for key, value in saved.items()}
    return {**group, **{key: current[key] for key in RUN_BY & current.keys()}}


def _short(groups: list[list[str]]) -> str:
    return str([names if len(names) < 5 else [*names[:4], f"... {len(names) - 4} more"] for names in groups])
