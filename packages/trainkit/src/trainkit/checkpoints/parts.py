"""What a checkpoint is made of: parts that save into a folder and load from it, in safetensors and JSON, no pickle."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tensors import random_state, set_random_state
from workbench import give_usual_mode

from ..processes.ranks import copy_whole, gathered_objects, is_first_rank, rank, whole

logger = logging.getLogger(__name__)


@runtime_checkable
class Part(Protocol):
    """Anything with state. `save` writes files into an existing folder that it shares with the other parts."""

    def save(self, folder: Path) -> None: ...

    def load(self, folder: Path) -> None: ...


@runtime_checkable
class TensorPart(Part, Protocol):
    """A part whose tensors are one safetensors `file`: the reading that verifies it hands them over as well."""

    file: str

    def take(self, folder: Path, tensors: Mapping[str, Tensor]) -> None:
        """Load from `tensors`, which nobody else uses, and from what other files of its own the part has."""


class ModulePart:
    """Parameters and persistent buffers in NAME.safetensors; tied tensors once, under their first name.

    Loading copies into the tensors that exist, and is strict: ValueError lists missing, unexpected and mis-shaped ones.
    """

    def __init__(self, module: nn.Module, name: str = "model"):
        self.module, self.file = module, f"{name}.safetensors"

    def save(self, folder: Path) -> None:
        write_tensors(folder / self.file, self.tensors())

    def load(self, folder: Path) -> None:
        self.take(folder, load_file(folder / self.file))

    def take(self, folder: Path, tensors: Mapping[str, Tensor]) -> None:
        ours = self.tensors()
        check_names(self.file, _shapes(ours), _shapes(tensors))
        for name, tensor in ours.items():
            copy_whole(tensors[name], tensor)

    def tensors(self) -> dict[str, Tensor]:
        """Each tensor of the module once, under its first name."""
        seen: set[int] = set()
        named = self.module.state_dict(keep_vars=True).items()
        return {name: tensor for name, tensor in named if not (id(tensor) in seen or seen.add(id(tensor)))}  # type: ignore[func-returns-value]


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
        give_usual_mode(path)


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
