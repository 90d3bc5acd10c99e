"""Claims about losses, update rules, metrics and averages, held to torch, torch.optim and plain counting."""

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
    Moments,
    adam,
    closed_form,
    count_flops,
    cross_entropy,
    measured_peak,
    moving_average,
    peak_memory,
    sgd,
    squared_error,
    train_steps,
    utilisation,
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


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 7), min_size=1, max_size=5), st.integers(1, 4))
def test_streamed_metrics_equal_those_of_the_whole_set(seed, sizes, k):
    generator = torch.Generator().manual_seed(seed)
    n = sum(sizes)
    logits, targets = torch.randn(n, 4, generator=generator), torch.randint(4, (n,), generator=generator)
    accuracy, confusion = Accuracy(k), ConfusionMatrix(4)
    for part, goals in zip(logits.split(sizes), targets.split(sizes), strict=True):
        accuracy.add(part, goals)
        confusion.add(part, goals)
        accuracy.add(part, torch.full_like(goals, IGNORED))
    ranks = [int((row > row[goal]).sum()) for row, goal in zip(logits, targets, strict=True)]
    assert accuracy.value == pytest.approx(sum(rank < k for rank in ranks) / n)
    counts = torch.zeros(4, 4, dtype=torch.int64)
    for row, goal in zip(logits, targets, strict=True):
        counts[goal, row.argmax()] += 1
    assert torch.equal(confusion.counts, counts)
    assert confusion.accuracy == pytest.approx(sum(rank == 0 for rank in ranks) / n)
    assert confusion.recall[0].item() == pytest.approx(float(counts[0, 0] / counts[0].sum()), nan_ok=True)
    assert confusion.precision[3].item() == pytest.approx(float(counts[3, 3] / counts[:, 3].sum()), nan_ok=True)


def test_the_moving_average_follows_its_formula():
    model = nn.Linear(1, 1, bias=False)
    average, expected = moving_average(model, 0.9), None
    for value in (1.0, 2.0, -3.0):
        nn.init.constant_(model.weight, value)
        average.update_parameters(model)
        expected = value if expected is None else 0.9 * expected + 0.1 * value
        assert average.module.weight.item() == pytest.approx(expected)


def test_the_stable_stretch_does_not_depend_on_the_length():
    short, long = warmup_stable_decay(100, warmup=10, decay=0.2), warmup_stable_decay(1000, warmup=10, decay=0.2)
    assert [short(n) for n in range(81)] == [long(n) for n in range(81)]
    assert [short(n) for n in (80, 90, 99, 100, 101)] == pytest.approx([1.0, 0.5, 0.05, 0.0, 0.0])


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
