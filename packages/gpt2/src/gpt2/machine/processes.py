"""One model trained by several processes: joining them, sharing the model out, and deciding together."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from tensors import IGNORED, choose_device, generator
from trainkit import Part, RandomPart, ShardedPart, copy_whole, from_first_rank, is_first_rank, n_ranks, spread, whole
from transformer import draw, initial_distributions

from ..files.folder import empty_model
from ..model import GPT2, tables

Result = TypeVar("Result")
EXIT_WRONG = 2


def device_named(name: str) -> torch.device:
    """The device of that name, or the fastest for "auto"; ValueError where there is none, with the names there are."""
    if name.split(":")[0] not in ("auto", "cpu", "cuda", "mps"):
        raise ValueError(f"--device: wanted cpu, cuda, cuda:N, mps or auto, got {name!r}; auto takes the fastest")
    return choose_device(name)


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Inside, this process is one of those that torchrun started; alone, nothing happens."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        yield
        return
    backend = "nccl" if _kind(device) == "cuda" else "gloo"
    _join(backend)
    went_well = False
    try:
        yield
        went_well = True
    finally:
        if went_well or backend == "gloo":  # NCCL waits here for what processes that failed will never send
            dist.destroy_process_group()


def _join(backend: str) -> None:
    store, rank, size = next(dist.rendezvous("env://"))
    if os.environ.get("GROUP_WORLD_SIZE", "1") == "1":
        # The agent's store outlives a restart: addresses of processes that are gone must not be found there. (Agents of
        # several machines count restarts each for itself, so there the count is no common name.)
        store = dist.PrefixStore(f"attempt {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    dist.init_process_group(backend, store=store, rank=rank, world_size=size)


def own_device(name: str) -> torch.device:
    """The device of that name; of several processes on a machine each takes a GPU of its own."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started > 1 and n_ranks() == 1:
        raise ValueError(
            f"wanted the {started} processes that torchrun started to be joined, got each of them alone; call "
            f"torch.distributed.init_process_group before gpt2.run"
        )
    if n_ranks() == 1:
        return device_named(name)
    place = int(os.environ.get("LOCAL_RANK", "0"))
    device = choose_device(f"cuda:{place}") if _kind(name) == "cuda" else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def _kind(name: str) -> str:
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"--device: wanted cpu, cuda or auto for several processes, got {name!r}; leave --device out")
    return "cpu" if name == "cpu" or (name == "auto" and not torch.cuda.is_available()) else "cuda"


def by_first(work: Callable[[], Result]) -> Result:
    """The result of `work()` in the first process, for all; where it raises, the others end without another word."""
    result, error = None, None
    if is_first_rank():
        try:
            result = work()
        except Exception as raised:
            error = raised
    if error is not None:
        from_first_rank(None)
        raise error
    sent = from_first_rank((result,))
    if sent is None:
        raise SystemExit(EXIT_WRONG)
    return sent[0]


def share_out(model: GPT2, shard: bool) -> nn.Module:
    """What is trained in the model's place: a copy in each process, or shards of it (FSDP2), a block a unit."""
    if n_ranks() == 1:
        return model
    return spread(model, "fsdp" if shard else "ddp", blocks=model.decoder.blocks)


def filled(steps: Iterable[list[Any]], n_ctx: int) -> Iterator[list[Any]]:
    """The micro-batches of each step; where this process has none, a window without targets.

    The others would wait for a process that has nothing to compute."""
    for micro_batches in steps:
        yield micro_batches or [(torch.zeros(1, n_ctx, dtype=torch.long), torch.full((1, n_ctx), IGNORED))]


def draw_shards(model: GPT2, seed: int, device: torch.device) -> None:
    """Draw the weights of a model that was made on `meta` and shared out: those of one process, a tensor at a time."""
    model.to_empty(device=device)
    numbers = generator("weights", seed)
    with torch.no_grad():
        for parameter, mean, deviation in initial_distributions(model, tables=tables(model)):
            full = torch.empty(parameter.shape)
            draw(full, mean, deviation, numbers)
            copy_whole(full, parameter)


def gathered(model: GPT2) -> GPT2:
    """The model with all of its weights, in the first process; where it is not sharded, the model itself.

    All processes call it together.
    """
    if not any(hasattr(parameter, "full_tensor") for parameter in model.parameters()):
        return model
    complete = empty_model(model.config) if is_first_rank() else model
    with torch.no_grad():
        for (_, shard), place in zip(model.named_parameters(), complete.parameters(), strict=True):
            full = whole(shard)
            if is_first_rank():
                place.copy_(full)
    return complete


def sharded_parts(model: GPT2, optimizer: torch.optim.Optimizer) -> dict[str, Part]:
    """The parts of a checkpoint in which each process writes its own shards; any number of them reads it."""
    return {"sharded": ShardedPart(model, optimizer), "random": RandomPart()}
