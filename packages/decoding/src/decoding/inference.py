"""Calling a model without training it: no gradients, no dropout, and afterwards it is as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from .protocols import LanguageModel

LARGEST_KEPT = (32 << 20) - (64 << 10)
"""Bytes: the most for which glibc's allocator adapts (mallopt(3), M_MMAP_THRESHOLD)."""


def keep_freed_memory() -> None:
    """Let the C library keep up to twice `LARGEST_KEPT` of freed memory for what comes next.

    glibc gives blocks above a threshold back to the system as soon as they are freed, and the page faults of getting
    new ones cost more than sampling itself (1,500 a step of eight rows). The threshold adapts to the largest such block
    that was freed: this frees one. Nothing is touched, so it takes microseconds; elsewhere it does nothing.
    """
    torch.empty(LARGEST_KEPT, dtype=torch.uint8)


@contextmanager
def inference(model: LanguageModel) -> Iterator[None]:
    """Inside, gradients are off and every module of `model` is in evaluation mode; each gets its own mode back.

    Looking at a model while it trains must not change it, and layers that were frozen by hand stay frozen.
    """
    training = [module for module in model.modules() if module.training] if isinstance(model, nn.Module) else []
    for module in training:
        module.training = False
    try:
        with torch.inference_mode():
            yield
    finally:
        for module in training:
            module.training = True
