"""What a checkpoint is made of: parts that save into a folder and load from it, in safetensors and JSON, no pickle."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tensors import random_state, set_random_state

from .ranks import gathered_objects, is_first_rank, rank, sharded_like, whole

logger = logging.getLogger(__name__)

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
        write_tensors(folder / self.file, self._tensors())

    def load(self, folder: Path) -> None:
        ours, saved = self._tensors(), load_file(folder / self.file)
        check_names(self.file, _shapes(ours), _shapes(saved))
        for name, tensor in ours.items():
            tensor.detach().copy_(sharded_like(saved[name].to(tensor.device), tensor))

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
        write_tensors(folder / f"{self.name}.safetensors", tensors)
        if is_first_rank():
            (folder / f"{self.name}.json").write_text(json.dumps({"groups": groups, "state": plain}, indent=1))

    def load(self, folder: Path) -> None:
        saved = json.loads((folder / f"{self.name}.json").read_text())
        names = self._names()
        parameters = {name: parameter for parameter, name in names.items()}
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
            if _is_tensor(value):
                value = sharded_like(value.clone(), parameters[name]) if value.ndim else value.clone()
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
            raise ValueError(f"wanted an optimizer over the model's own parameters, got others of shapes {shapes}")
        return names


class RandomPart:
    """The global random states of Python, NumPy, torch and accelerators, of every process, in random.safetensors."""

    def save(self, folder: Path) -> None:
        states = gathered_objects(random_state())
        named = {f"{rank}/{name}": tensor for rank, state in enumerate(states) for name, tensor in state.items()}
        write_tensors(folder / "random.safetensors", named)

    def load(self, folder: Path) -> None:
        """A process that the saved run did not have keeps its own state, and says so in the log."""
        saved, prefix = load_file(folder / "random.safetensors"), f"{rank()}/"
        state = {name.removeprefix(prefix): tensor for name, tensor in saved.items() if name.startswith(prefix)}
        if not state:
            logger.warning("no random state of process %d was saved; it keeps the one that it has", rank())
            return
        set_random_state(state)


class StatePart:
    """Anything with `state_dict` and `load_state_dict` of plain values, such as GradScaler, in NAME.json."""

    def __init__(self, holder: Any, name: str):
        self.holder, self.file = holder, f"{name}.json"

    def save(self, folder: Path) -> None:
        if is_first_rank():
            (folder / self.file).write_text(json.dumps(self.holder.state_dict()), encoding="utf-8")

    def load(self, folder: Path) -> None:
        self.holder.load_state_dict(json.loads((folder / self.file).read_text(encoding="utf-8")))


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Whole tensors into one safetensors file: every process takes part in gathering shards, the first one writes."""
    gathered = {name: whole(tensor.detach()) for name, tensor in tensors.items()}
    if is_first_rank():
        save_file({name: tensor.contiguous() for name, tensor in gathered.items()}, path)


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
