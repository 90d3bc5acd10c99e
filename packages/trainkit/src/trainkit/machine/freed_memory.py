"""What a step has freed and will not fill again goes back to the system while its gradients arrive."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from tensors import give_back_freed_memory

EVERY = 16 << 20
"""Bytes of gradients after which it is done: models whose gradients are smaller never meet it."""


@contextmanager
def given_back(model: nn.Module) -> Iterator[None]:
    """Inside `with`, on a CPU, freed memory is given back after each `EVERY` bytes of gradients that have arrived.

    On its way back a step frees what its forward pass kept, and makes gradients of about the same size. But these do
    not fit into the gaps between what is still kept, so both would be there at the end: a tenth of a step's memory.
    """
    there = [p for p in model.parameters() if p.requires_grad and p.device.type == "cpu" and not hasattr(p, "to_local")]
    if sum(parameter.nbytes for parameter in there) < EVERY:
        yield
        return
    arrived = 0

    def count(parameter: Tensor) -> None:
        nonlocal arrived
        arrived += parameter.nbytes
        if arrived >= EVERY:
            arrived = 0
            give_back_freed_memory()

    hooks = [parameter.register_post_accumulate_grad_hook(count) for parameter in there]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
