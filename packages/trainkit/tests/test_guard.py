"""Claims about spikes, precision and compiling."""

import math

import pytest
import torch
from torch import nn

from trainkit import (
    Checkpoints,
    LossSpike,
    ModulePart,
    NonFiniteLoss,
    OptimizerPart,
    SpikeGuard,
    StatePart,
    adamw,
    evaluate,
    moving_average,
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


def test_bfloat16_autocast_keeps_float32_weights_and_learns():
    model, optimizer = make()
    seen = []

    def watching(model, batch):
        seen.append(model[0](batch[0]).dtype)
        return squared_error(model(batch[0]).float(), batch[1])

    steps = list(train_steps(model, [*map(batch, range(60))], watching, optimizer, precision=torch.bfloat16))
    assert set(seen) == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert sum(s.loss for s in steps[-10:]) < sum(s.loss for s in steps[:10])
    plain, bf16 = (evaluate(model, [batch(0)], watching, precision=kind).loss for kind in (None, torch.bfloat16))
    assert plain != bf16
    assert plain == pytest.approx(bf16, rel=0.05)


def test_float16_wants_a_scaler_which_answers_an_overflow_and_is_resumed(tmp_path):
    model, optimizer = make()
    with pytest.raises(ValueError, match=r"wanted a scaler with float16.*pass torch.amp.GradScaler"):
        train_steps(model, [], loss, optimizer, precision=torch.float16)
    reference, plain_optimizer = make()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=5)
    steps = list(train_steps(model, [*map(batch, range(9))], loss, optimizer, scaler=scaler))
    assert steps[0].skipped
    taken = [step.number - 1 for step in steps if not step.skipped]
    assert len(taken) >= 3
    list(train_steps(reference, [batch(n) for n in taken], loss, plain_optimizer))
    for a, b in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    part, again = StatePart(scaler, "scaler"), torch.amp.GradScaler("cpu")
    part.save(tmp_path)
    StatePart(again, "scaler").load(tmp_path)
    assert again.state_dict() == scaler.state_dict()


def test_the_best_weights_come_back_after_early_stopping_and_the_average_with_them(tmp_path):
    model, optimizer = make()
    average = moving_average(model, 0.9)
    parts = {
        "model": ModulePart(model),
        "optimizer": OptimizerPart(optimizer, model),
        "average": ModulePart(average, "average"),
    }
    checkpoints, kept = Checkpoints(tmp_path, parts), {}
    for step in train_steps(model, [*map(batch, range(4))], loss, optimizer):
        average.update_parameters(model)
        kept[step.number] = [p.clone() for p in [*model.parameters(), *average.parameters()]]
        checkpoints.save(step.number, score=abs(step.number - 2.0))
    assert checkpoints.load("best").step == 2
    restored = [*model.parameters(), *average.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(restored, kept[2], strict=True))
    assert average.n_averaged.item() == 2


@pytest.mark.slow
def test_a_compiled_loss_gives_the_same_training():
    def loss(model, batch):  # in plain torch: the checks of shapes while testing cannot be compiled
        return (model(batch[0]) - batch[1]).square().sum(), len(batch[1])

    losses = []
    for compiled in (False, True):
        model, optimizer = make()
        steps = train_steps(model, [*map(batch, range(5))], loss, optimizer, compile=compiled)
        losses.append([step.loss for step in steps])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
