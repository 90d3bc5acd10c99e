"""What several test files of this folder make."""

import pytest
import torch
from torch import nn

from trainkit import (
    Checkpoints,
    ModulePart,
    OptimizerPart,
    RandomPart,
    adamw,
)


@pytest.fixture(scope="session")
def make():
    def it(folder, keep=2, size=3):
        torch.manual_seed(0)
        model = nn.Linear(size, 2)
        optimizer = adamw(model, 0.1)
        model(torch.ones(1, size)).sum().backward()
        optimizer.step()
        parts = {"model": ModulePart(model), "optimizer": OptimizerPart(optimizer, model), "random": RandomPart()}
        return model, Checkpoints(folder, parts, keep=keep)

    return it


@pytest.fixture(scope="session")
def flip():
    def it(path, position, bit=0):
        content = bytearray(path.read_bytes())
        content[position % len(content)] ^= 1 << bit
        path.write_bytes(bytes(content))

    return it
