"""The formulas of SGD, Adam and AdamW, held to torch.optim."""

import pytest
import torch
from torch import nn

from trainkit import (
    Moments,
    adam,
    sgd,
)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_and_adamw_as_formulas_equal_torchs(decay):
    weights = torch.randn(4, dtype=torch.float64)
    parameter = nn.Parameter(weights.clone())
    kind = torch.optim.AdamW if decay else torch.optim.Adam
    optimizer = kind([parameter], lr=0.03, betas=(0.8, 0.95), weight_decay=decay)
    moments = Moments(torch.zeros(4, dtype=torch.float64), torch.zeros(4, dtype=torch.float64))
    for _ in range(20):
        gradient = torch.randn(4, dtype=torch.float64)
        parameter.grad = gradient.clone()
        optimizer.step()
        weights, moments = adam(weights, gradient, moments, learning_rate=0.03, betas=(0.8, 0.95), weight_decay=decay)
        torch.testing.assert_close(weights, parameter.detach(), rtol=1e-9, atol=1e-12)


def test_sgd_as_a_formula_equals_torchs():
    weights, velocity = torch.randn(4), torch.zeros(4)
    parameter = nn.Parameter(weights.clone())
    optimizer = torch.optim.SGD([parameter], lr=0.03, momentum=0.9)
    for _ in range(10):
        gradient = torch.randn(4)
        parameter.grad = gradient.clone()
        optimizer.step()
        weights, velocity = sgd(weights, gradient, velocity, learning_rate=0.03, momentum=0.9)
        torch.testing.assert_close(weights, parameter.detach())
