"""Claims about losses, held to torch's."""

import inspect

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn
from torch.nn import functional

from trainkit import (
    IGNORED,
    Accuracy,
    ConfusionMatrix,
    closed_form,
    cross_entropy,
    moving_average,
    squared_error,
    train_steps,
    warmup_stable_decay,
)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.floats(0, 0.9), st.integers(2, 6))
def test_cross_entropy_over_any_cut_equals_torchs_mean(seed, weighted, smoothing, n_classes):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 4, n_classes, generator=generator, dtype=torch.float64)
    targets = torch.randint(n_classes, (3, 4), generator=generator)
    targets[torch.rand(3, 4, generator=generator) < 0.3] = IGNORED
    targets[0, 0] = 1
    weights = torch.rand(n_classes, generator=generator, dtype=torch.float64) + 0.1 if weighted else None
    pairs = [
        cross_entropy(part, goals, class_weights=weights, label_smoothing=smoothing)
        for part, goals in [(logits[:1], targets[:1]), (logits[1:], targets[1:])]
    ]
    mean = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), weight=weights, label_smoothing=smoothing)
    ours = sum(total for total, _ in pairs) / sum(count for _, count in pairs)
    torch.testing.assert_close(ours, mean)


def test_the_loop_divides_by_class_weights_too():
    model = nn.Linear(2, 3)
    weights = torch.tensor([0.1, 0.7, 0.05])
    inputs, targets = torch.randn(4, 2), torch.tensor([0, 1, 2, 0])

    def loss(model, batch):
        return cross_entropy(model(batch[0]), batch[1], class_weights=weights)

    wanted = functional.cross_entropy(model(inputs), targets, weight=weights).item()
    batches = [[(inputs[:3], targets[:3]), (inputs[3:], targets[3:])]]
    [step] = train_steps(model, batches, loss, torch.optim.SGD(model.parameters(), lr=0.1))
    assert step.loss == pytest.approx(wanted)
    assert step.items == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: squared_error(torch.zeros(3, 1), torch.zeros(3)), r"one shape, got \[3, 1\] and \[3\]; add or drop"),
        (lambda: cross_entropy(torch.zeros(2, 5), torch.tensor([1, 5])), r"wanted targets from 0 to 4, got 1 to 5"),
        (lambda: cross_entropy(torch.zeros(2, 5), torch.tensor([-1, 3])), r"wanted targets from 0 to 4, got -1 to 3"),
        (
            lambda: closed_form(torch.zeros(3, 3), torch.zeros(3, 1)),
            r"more examples than weights, got 3 for 3 and a bias",
        ),
        (lambda: Accuracy(k=4).add(torch.zeros(2, 3), torch.zeros(2).long()), r"wanted 1 <= k <= 3 classes, got 4"),
        (lambda: Accuracy().value, r"at least one counted example, got none"),
        (lambda: ConfusionMatrix(2).add(torch.zeros(1, 2), torch.tensor([2])), r"targets from 0 to 1, got 2 to 2"),
        (lambda: moving_average(nn.Linear(1, 1), 1.0), r"wanted 0 <= decay < 1, got 1.0"),
        (lambda: warmup_stable_decay(10, decay=0.0), r"wanted 0 < decay <= 1"),
    ],
)
def test_bad_input_is_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("logits", "targets", "got"),
    [
        (torch.zeros(2, 5), torch.zeros(2), r"got torch\.float32 and torch\.float32"),
        (torch.zeros(2, 5).long(), torch.zeros(2).long(), r"got torch\.int64 and torch\.int64"),
    ],
)
def test_wrong_dtypes_are_explained(logits, targets, got):
    with pytest.raises(TypeError, match=rf"wanted logits of a floating dtype .*{got}; convert"):
        inspect.unwrap(cross_entropy)(logits, targets)  # without the type checker, as users run it


def test_squared_error_is_torchs():
    a, b = torch.randn(3, 2), torch.randn(3, 2)
    total, count = squared_error(a, b)
    torch.testing.assert_close(total / count, functional.mse_loss(a, b))


def test_gradient_descent_arrives_at_the_closed_form():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(200, 3, generator=generator, dtype=torch.float64)
    targets = inputs @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64) + 3
    targets += 0.1 * torch.randn(200, 1, generator=generator, dtype=torch.float64)
    best = closed_form(inputs, targets)
    model = nn.Linear(3, 1, dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    list(
        train_steps(model, [[(inputs, targets)]] * 200, lambda m, b: squared_error(m(b[0]), b[1]), optimizer, clip=None)
    )
    torch.testing.assert_close(torch.cat([model.weight.T, model.bias[None]]), best, atol=1e-9, rtol=0)
    residual = targets - torch.cat([inputs, torch.ones(200, 1, dtype=torch.float64)], 1) @ best
    assert (inputs.T @ residual).abs().max() < 1e-9  # what is left has nothing to do with the inputs
