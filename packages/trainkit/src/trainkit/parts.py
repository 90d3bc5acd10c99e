"""What a checkpoint is made of: parts that save into a folder and load from it, in safetensors and JSON, no pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tensors import random_state, set_random_state

RUN_BY = {"fused", "foreach", "capturable", "differentiable"}
"""Options that say how an update is computed on this machine, not what it is: they stay the running process's."""


@runtime_checkable
class Part(Protocol):
    """Anything with state. `save` writes files into an existing folder that it shares with the other parts."""

    def save(self, folder: Path) -> None: ...

    def load(self, folder: Path) -> None: ...


class ModulePart:
    """Parameters and persistent buffers in NAME.safetensors; tied tensors once, under their first name.

    Loading copies into the tensors that exist, and is strict: ValueError lists missing, unexpected and mis-shaped ones.
    """

    def __init__(self, module: nn.Module, name: str = "model"):
        self.module, self.file = module, f"{name}.safetensors"

    def save(self, folder: Path) -> None:
        save_file({name: tensor.detach().contiguous() for name, tensor in self._tensors().items()}, folder / self.file)

    def load(self, folder: Path) -> None:
        ours, saved = self._tensors(), load_file(folder / self.file)
        check_names(self.file, _shapes(ours), _shapes(saved))
        for name, tensor in ours.items():
            tensor.detach().copy_(saved[name])

    def _tensors(self) -> dict[str, Tensor]:
        seen: set[int] = set()
        named = self.module.state_dict(keep_vars=True).items()
        return {name: tensor for name, tensor in named if not (id(tensor) in seen or seen.add(id(tensor)))}  # type: ignore[func-returns-value]


class OptimizerPart:
    """State tensors in optimizer.safetensors as PARAMETER/KEY, hyper-parameters of each group in optimizer.json."""

    def __init__(self, optimizer: torch.optim.Optimizer, model: nn.Module, name: str = "optimizer"):
        self.optimizer, self.model, self.name = optimizer, model, name

    def save(self, folder: Path) -> None:
        names, state = self._names(), self.optimizer.state
        tensors = {f"{names[p]}/{key}": value for p in state for key, value in state[p].items() if _is_tensor(value)}
        plain = {f"{names[p]}/{key}": value for p in state for key, value in state[p].items() if not _is_tensor(value)}
        groups = [{**group, "params": [names[p] for p in group["params"]]} for group in self.optimizer.param_groups]
        save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / f"{self.name}.safetensors")
        (folder / f"{self.name}.json").write_text(json.dumps({"groups": groups, "state": plain}, indent=1))

    def load(self, folder: Path) -> None:
        saved = json.loads((folder / f"{self.name}.json").read_text())
        names = self._names()
        ours = [[names[p] for p in group["params"]] for group in self.optimizer.param_groups]
        theirs = [group["params"] for group in saved["groups"]]
        if ours != theirs:
            raise ValueError(
                f"wanted {self.name}.json with parameter groups {_short(ours)}, got {_short(theirs)}; build the "
                f"optimizer as the saved run did, or start without its state"
            )
        number = {name: i for i, name in enumerate(name for group in ours for name in group)}
        state: dict[int, dict[str, Any]] = {}
        for key, value in [*load_file(folder / f"{self.name}.safetensors").items(), *saved["state"].items()]:
            name, _, slot = key.rpartition("/")
            # A copy: what safetensors loads is a view of the file.
            state.setdefault(number[name], {})[slot] = value.clone() if _is_tensor(value) else value
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
            raise ValueError(f"wanted an optimizer over the model's own parameters, got others of shapes {shapes}")
        return names


class RandomPart:
    """The global random states of Python, NumPy, torch and the accelerators, in random.safetensors."""

    def save(self, folder: Path) -> None:
        save_file(random_state(), folder / "random.safetensors")

    def load(self, folder: Path) -> None:
        set_random_state(load_file(folder / "random.safetensors"))


def check_names(source: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """ValueError that lists what is missing, unexpected and different; the values are compared, e.g. shapes."""
    missing = sorted(ours.keys() - theirs.keys())
    unexpected = sorted(theirs.keys() - ours.keys())
    different = [
        f"{key} {theirs[key]} for {ours[key]}"
        for key in sorted(ours.keys() & theirs.keys())
        if ours[key] != theirs[key]
    ]
    if missing or unexpected or different:
        raise ValueError(
            f"wanted {source} to hold this run's tensors, got it with missing {missing}, unexpected {unexpected}, "
            f"other shapes {different}; build the run with the settings that it was saved with"
        )


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def _restored(current: Mapping[str, Any], saved: Mapping[str, Any]) -> dict[str, Any]:
    """A group's saved hyper-parameters with JSON's lists as the tuples they were."""
    group = {key: tuple(value) if isinstance(value, list) else value for key, value in saved.items()}
    return {**group, **{key: current[key] for key in RUN_BY & current.keys()}}


def _short(groups: list[list[str]]) -> str:
    return str([names if len(names) < 5 else [*names[:4], f"... {len(names) - 4} more"] for names in groups])
