"""Claims about steps that must not be taken."""

import math

import pytest
import torch
from torch import nn

from trainkit import (
    Checkpoints,
    LossSpike,
    NonFiniteLoss,
    SpikeGuard,
    adamw,
    squared_error,
    train_steps,
)


def loss(model, batch):
    return squared_error(model(batch[0]), batch[1])


def batch(n, scale=1.0):
    inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(n))
    return [(inputs * scale, inputs.sum(1, keepdim=True) * scale)]


def make():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    return model, adamw(model, 1e-3)


def test_a_spike_stops_by_default_and_touches_nothing():
    model, optimizer = make()
    steps = train_steps(model, [*map(batch, range(20)), batch(99, 1e3)], loss, optimizer, guard=SpikeGuard(window=16))
    for _ in range(20):
        next(steps)
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(LossSpike, match=r"within 6 standard deviations of the last 16.*step 21 at.*look at that batch"):
        next(steps)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_with_a_limit_bad_steps_are_skipped_counted_and_leave_no_trace():
    bad = [batch(99, 1e3), batch(98, math.nan)]
    data = [*map(batch, range(20))]
    model, optimizer = make()
    list(train_steps(model, data, loss, optimizer))
    skipping, optimizer = make()
    guard = SpikeGuard(window=16, skip_limit=2)
    steps = list(train_steps(skipping, data[:15] + bad + data[15:], loss, optimizer, guard=guard))
    assert [step.number for step in steps if step.skipped] == [16, 17]
    assert guard.skipped == 2
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), skipping.parameters(), strict=True))
    with pytest.raises(NonFiniteLoss):
        list(train_steps(skipping, bad[1:], loss, optimizer, guard=guard))


def test_half_a_window_comes_before_any_judgement():
    guard = SpikeGuard(window=8)
    assert not any(guard.skips(value, 1.0, 1, 0.1) for value in (1.0, 1.1, 0.9, 500.0))
    assert not any(SpikeGuard(window=0).skips(value, value, 1, 0.1) for value in (1.0, 1.0, 1.0, 1e9))
    with pytest.raises(ValueError, match=r"wanted window >= 0, sigmas > 0"):
        SpikeGuard(sigmas=0.0)


def test_the_guards_history_is_saved_and_loaded(tmp_path):
    guard, again = SpikeGuard(window=4, skip_limit=1), SpikeGuard(window=4, skip_limit=1)
    for value in (1.0, 1.1, 0.9, 9e9, 1.0, 1.2):
        guard.skips(value, value, 1, 0.1)
    Checkpoints(tmp_path, {"guard": guard}).save(1)
    Checkpoints(tmp_path, {"guard": again}).load()
    assert (again.skipped, again.losses, again.norms) == (1, guard.losses, guard.norms)
    assert again.losses.maxlen == 4
