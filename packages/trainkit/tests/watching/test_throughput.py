"""Claims about operations and the share of a machine that a run uses."""

import torch
from torch import nn

from trainkit import (
    count_flops,
    measured_peak,
    peak_memory,
    train_steps,
    utilisation,
)


def test_flops_of_a_linear_layer_are_three_products():
    model = nn.Linear(30, 20, bias=False)
    inputs = torch.randn(8, 30, requires_grad=True)
    assert count_flops(model, inputs, lambda m, b: (m(b).sum(), 8)) == 3 * 2 * 8 * 30 * 20
    assert model.weight.grad is None


def test_utilisation_lies_between_nothing_and_everything():
    model = nn.Linear(256, 256)
    batch = torch.randn(512, 256)

    def loss(model, batch):
        return model(batch).square().sum(), len(batch)

    *_, step = train_steps(model, [[batch]] * 3, loss, torch.optim.SGD(model.parameters(), lr=1e-9))
    share = utilisation(step, count_flops(model, batch, loss) / len(batch), measured_peak(size=512))
    assert 0 < share < 1.5
    assert peak_memory() > 50_000_000
