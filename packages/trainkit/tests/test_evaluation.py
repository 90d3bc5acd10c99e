"""Claims about measuring a model: held to plain torch, and without a trace in its training."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from trainkit import (
    bits_per_byte,
    evaluate,
    squared_error,
)


def loss(model, batch):
    inputs, targets = batch
    return squared_error(model(inputs), targets)


def make_batch(seed, size, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, 3, generator=generator, dtype=dtype), torch.randn(
        size, 1, generator=generator, dtype=dtype
    )


def make_model(dtype=torch.float32, dropout=0.0):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1)).to(dtype)


def test_evaluation_weighs_an_uneven_last_batch_by_what_it_holds():
    model = make_model()
    inputs, targets = make_batch(3, 10)
    cut = [[(inputs[:7], targets[:7])], [(inputs[7:9], targets[7:9]), (inputs[9:], targets[9:])]]
    result = evaluate(model, cut, loss)
    assert result.loss == pytest.approx(functional.mse_loss(model(inputs), targets).item(), rel=1e-6)
    assert float(result) == result.loss
    assert result.count == 10
    assert result.perplexity == pytest.approx(math.exp(result.loss))


def test_evaluation_disturbs_neither_modes_nor_random_state_nor_gradients():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    model[1].eval()  # frozen on purpose; must stay so
    modes = [module.training for module in model.modules()]
    buffers = [buffer.clone() for buffer in model.buffers()]
    state = torch.get_rng_state()

    def noisy(model, batch):
        return loss(model, (batch[0] + torch.randn_like(batch[0]), batch[1]))

    first, second = (evaluate(model, [[make_batch(0, 5)]], noisy) for _ in range(2))
    assert first == second
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(buffers, model.buffers(), strict=True))
    assert all(p.grad is None for p in model.parameters())


def test_bits_per_byte_of_a_uniform_guess_over_bytes_is_eight():
    assert bits_per_byte(1000 * math.log(256), 1000) == pytest.approx(8.0)
    with pytest.raises(ValueError, match=r"wanted the number of bytes.*got 0"):
        bits_per_byte(1.0, 0)


def batch(n, scale=1.0):
    inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(n))
    return [(inputs * scale, inputs.sum(1, keepdim=True) * scale)]
