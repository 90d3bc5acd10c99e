"""The few lines that join torch's data-parallel engines to the loop. Alone, everything here does nothing.

Under `torchrun` each process trains on its own slice of every global batch; torch averages the gradients (DDP) or also
shards weights and optimizer state (FSDP2). Counts and totals are summed here, so that the mean is over all items.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tensors import fork_random


def n_ranks() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    return dist.get_rank() if n_ranks() > 1 else 0


def is_first_rank() -> bool:
    """Whether this process is the one that writes logs and files."""
    return rank() == 0


class _LossInside(nn.Module):
    """Runs the whole loss inside `forward`, where torch's engines have their hooks."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, loss: Any, batch: Any) -> Any:
        return loss(self.model, batch)


class Spread(nn.Module):
    """A model trained by all processes together; give it to `train_steps` and `evaluate` in the model's place."""

    def __init__(self, model: nn.Module, engine: nn.Module):
        super().__init__()
        self.model, self.engine, self.rehearsed = model, engine, False

    def forward(self, loss: Any, batch: Any) -> Any:
        return self.engine(loss, batch)

    def collecting(self, last: bool) -> AbstractContextManager[None]:
        """Around one micro-batch's backward pass: gradients travel between processes in the last one only."""
        if isinstance(self.engine, nn.parallel.DistributedDataParallel):
            return nullcontext() if last else self.engine.no_sync()
        self.engine.set_requires_gradient_sync(last)  # type: ignore[operator]
        return nullcontext()

    def rehearse(self, loss: Any, batch: Any) -> None:
        """A backward pass before the first step that leaves nothing behind.

        DDP orders its buckets anew after the first one, and where a gradient lies in a bucket decides how its sum over
        three processes or more is rounded: so that a resumed run sums as an unbroken one, no step comes before that.
        """
        if self.rehearsed or not isinstance(self.engine, nn.parallel.DistributedDataParallel):
            return
        self.rehearsed, buffers = True, [buffer.clone() for buffer in self.model.buffers()]
        with fork_random("rehearse"):
            (self.engine(loss, batch)[0] * 0).backward()
        for parameter in self.model.parameters():
            parameter.grad = None
        for buffer, before in zip(self.model.buffers(), buffers, strict=True):
            buffer.detach().copy_(before)

    def reshard(self) -> None:
        """After a forward pass without a backward one: FSDP2 gives back the whole weights that it still holds."""
        if hasattr(self.engine, "reshard"):
            self.engine.reshard()  # type: ignore[operator]


def spread(model: nn.Module, how: str = "ddp", blocks: Iterable[nn.Module] = ()) -> Spread:
    """Join `model` to the other processes: "ddp" copies it, "fsdp" shards it (FSDP2), `blocks` each as a unit.

    Call it after `torch.distributed.init_process_group` and before the optimizer is made: "fsdp" replaces the model's
    parameters by sharded ones under the same names. Keep using `model` itself for optimizer and checkpoint parts.
    """
    if not dist.is_initialized():
        raise ValueError(
            "wanted a process group to spread the model over, got none; start the script with torchrun and call "
            "torch.distributed.init_process_group first"
        )
    inside = _LossInside(model)
    if how == "ddp":
        return Spread(model, nn.parallel.DistributedDataParallel(inside))
    if how != "fsdp":
        raise ValueError(f'wanted "ddp" or "fsdp", got {how!r}; "ddp" where the model fits on one device')
    from torch.distributed.fsdp import fully_shard

    for block in blocks:
        fully_shard(block)
    fully_shard(inside)
    return Spread(model, inside)


def check_spread(model: nn.Module) -> None:
    """A plain model among several processes would silently train on a part of the data."""
    if n_ranks() > 1 and not isinstance(model, Spread):
        raise ValueError(
            f"wanted a model joined to the other {n_ranks() - 1} processes, got a plain {type(model).__name__}; "
            f"wrap it: train_steps(spread(model), ...)"
        )


def even_out(micro_batches: Sequence[Any], model: nn.Module) -> list[tuple[Any, int]]:
    """(batch, weight) pairs, equally many on every rank: a rank with fewer repeats its last with weight 0.

    torch's engines communicate in every pass, so a rank that skipped one would leave the others waiting for ever.
    """
    missing = 0
    if isinstance(model, Spread):
        missing = int(_reduced([len(micro_batches)], dist.ReduceOp.MAX)[0]) - len(micro_batches)
    return [(batch, 1) for batch in micro_batches] + [(micro_batches[-1], 0)] * missing


def sums_over_ranks(values: Sequence[int | float], model: nn.Module) -> list[float]:
    """Each value summed over the processes that share `model`, in float64."""
    return _reduced(values, dist.ReduceOp.SUM) if isinstance(model, Spread) else [float(value) for value in values]


def gathered_objects(value: Any) -> list[Any]:
    """`value` of every rank, in their order; alone, a list of one."""
    if n_ranks() == 1:
        return [value]
    values: list[Any] = [None] * n_ranks()
    dist.all_gather_object(values, value)
    return values


def from_first_rank(value: Any) -> Any:
    """Rank 0's `value` on every rank; alone, the value itself. What the others pass is not looked at."""
    if n_ranks() == 1:
        return value
    sent = [value]
    dist.broadcast_object_list(sent, src=0)
    return sent[0]


def any_rank(flag: bool, model: nn.Module) -> bool:
    """Whether `flag` is set in any of the processes that share `model`: what one of them must not decide alone."""
    return flag if not isinstance(model, Spread) else _reduced([flag], dist.ReduceOp.MAX)[0] > 0


def whole(tensor: Tensor) -> Tensor:
    """The full tensor of a sharded one (every rank has to ask), any other as it is."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def local(tensor: Tensor) -> Tensor:
    """This rank's shard of a sharded tensor, sharing its memory; any other as it is."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def sharded_like(full: Tensor, like: Tensor) -> Tensor:
    """`full` cut as the sharded tensor `like` is; as it is when `like` is whole. No communication."""
    if not hasattr(like, "to_local"):
        return full
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(full, like.device_mesh, like.placements, src_data_rank=None)  # type: ignore[attr-defined]


@torch.no_grad()
def copy_whole(full: Tensor, into: Tensor) -> None:
    """Copy `full` into a tensor of its shape, of which each rank may hold a shard only. No communication."""
    into.copy_(sharded_like(full.to(into.device), into))


def _reduced(values: Sequence[int | float], how: Any) -> list[float]:
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(tensor, how)
    return tensor.tolist()
