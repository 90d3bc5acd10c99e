"""Weights and optimizer state of a sharded model, every process writing its own shards: for fast restarts.

The files are those of torch.distributed.checkpoint's Hugging Face safetensors writer (no pickle). Any number of
processes reads them back. What is to be kept is the plain layout of ModulePart, which other tools open.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..processes.ranks import from_first_rank, is_first_rank, n_ranks
from .optimizer_part import OptimizerPart
from .parts import ModulePart


class ShardedPart:
    """Use it in place of ModulePart and OptimizerPart; writes the folder `sharded` and sharded.json."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer):
        self.model, self.optimizer = ModulePart(model), OptimizerPart(optimizer, model)

    def save(self, folder: Path) -> None:
        from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
        from torch.distributed.checkpoint.state_dict_saver import save

        shared = Path(from_first_rank(str(folder)))  # one folder for all, on a disk that all of them see
        tensors, slots = self.optimizer.tensors(), {}
        for key, tensor in tensors.items():
            slots[key] = [str(tensor.dtype).removeprefix("torch."), tensor.ndim]
        writer = HuggingFaceStorageWriter(str(shared / "sharded"), save_distributed=True)
        with warnings.catch_warnings(action="ignore"):  # torch warns of its own deprecations here
            save(_named(self.model.tensors(), tensors), storage_writer=writer, no_dist=n_ranks() == 1)
        if is_first_rank():  # after what all do together, so that a failure here leaves nobody waiting
            (shared / "sharded.json").write_text(json.dumps({**self.optimizer.plain(), "slots": slots}, indent=1))

    def load(self, folder: Path) -> None:
        from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
        from torch.distributed.checkpoint.state_dict_loader import load

        saved = json.loads((folder / "sharded.json").read_text())
        self.optimizer.check_groups(saved["groups"])
        parameters = self.optimizer.parameters()
        state = {
            key: torch.zeros_like(parameters[key.rpartition("/")[0]], dtype=getattr(torch, dtype))
            if ndim
            else torch.zeros((), dtype=getattr(torch, dtype))
            for key, (dtype, ndim) in saved["slots"].items()
        }
        reader = HuggingFaceStorageReader(str(folder / "sharded"))
        with warnings.catch_warnings(action="ignore"):
            load(_named(self.model.tensors(), state), storage_reader=reader, no_dist=n_ranks() == 1)
        self.optimizer.restore(saved, state)


def _named(model: dict[str, Tensor], optimizer: dict[str, Tensor]) -> dict[str, Any]:
    tensors = {f"model.{name}": tensor for name, tensor in model.items()}
    return {name: t.detach() for name, t in {**tensors, **{f"optimizer.{k}": v for k, v in optimizer.items()}}.items()}
