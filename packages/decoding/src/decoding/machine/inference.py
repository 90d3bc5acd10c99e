"""Calling a model without training it: no gradients, no dropout, and afterwards it is as it was."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from ..protocols import LanguageModel


@contextmanager
def inference(model: LanguageModel, modules: Sequence[nn.Module] | None = None) -> Iterator[None]:
    """Inside, gradients are off and every module of `model` is in evaluation mode; each gets its own mode back.
    `modules`: its modules, from who has asked for them already, which takes longer than looking at their modes.

    Looking at a model while it trains must not change it, and layers that were frozen by hand stay frozen. A step of
    decoding enters this once, so it costs nothing where all is in evaluation mode already; `trainkit.evaluating`, made
    for a whole evaluation, visits every module and seeds the global random states anew each time.
    """
    training = [module for module in (modules_of(model) if modules is None else modules) if module.training]
    for module in training:
        module.training = False
    try:
        with torch.inference_mode():
            yield
    finally:
        for module in training:
            module.training = True


def modules_of(model: LanguageModel) -> list[nn.Module]:
    """All of a model, itself first; none where it is of another kind."""
    return list(model.modules()) if isinstance(model, nn.Module) else []
