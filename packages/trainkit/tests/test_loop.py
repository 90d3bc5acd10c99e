"""Claims about the loop, held to plain torch: cuts, schedules, precision, compiling, wrong batches."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from trainkit import (
    NonFiniteLoss,
    StatePart,
    adamw,
    constant,
    evaluate,
    muon,
    squared_error,
    train_steps,
)


def make_batch(seed, size, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, 3, generator=generator, dtype=dtype), torch.randn(
        size, 1, generator=generator, dtype=dtype
    )


def make_model(dtype=torch.float32, dropout=0.0):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1)).to(dtype)


def test_the_loop_does_what_a_hand_written_one_does():
    ours, theirs = make_model(torch.float64), make_model(torch.float64)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.3)
    ours_losses = [
        (step.loss, step.gradient_norm)
        for step in train_steps(
            ours,
            [[make_batch(n, 8, torch.float64)] for n in range(20)],
            loss,
            torch.optim.SGD(ours.parameters(), lr=0.3),
            clip=0.5,
        )
    ]
    for n in range(20):
        inputs, targets = make_batch(n, 8, torch.float64)
        optimizer.zero_grad()
        mean = functional.mse_loss(theirs(inputs), targets)
        mean.backward()
        norm = nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        optimizer.step()
        assert ours_losses[n] == pytest.approx((mean.item(), norm.item()), rel=1e-9)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("sizes", [[12], [6, 6], [5, 4, 3], [1] * 12, [11, 1]])
def test_cutting_a_step_into_micro_batches_changes_nothing(sizes):
    whole = make_batch(1, 12, torch.float64)
    results = []
    for cut in ([12], sizes):
        model = make_model(torch.float64)
        micro = list(zip(whole[0].split(cut), whole[1].split(cut), strict=True))
        [step] = train_steps(model, [micro], loss, torch.optim.SGD(model.parameters(), lr=0.1))
        results.append((step.loss, step.gradient_norm, step.items, *[p.sum().item() for p in model.parameters()]))
    assert results[1] == pytest.approx(results[0], rel=1e-12)


def test_the_mean_is_over_tokens_not_over_micro_batches():
    model = make_model()
    a, b = make_batch(0, 1), make_batch(1, 9)
    [step] = train_steps(model, [[a, b]], loss, torch.optim.SGD(model.parameters(), lr=0.0))
    mean = functional.mse_loss(model(torch.cat([a[0], b[0]])), torch.cat([a[1], b[1]]))
    assert step.loss == pytest.approx(mean.item(), rel=1e-5)


def test_steps_are_numbered_from_the_start_and_follow_the_schedule():
    class Stream(list):
        start, closed = 7, False

        def close(self):
            self.closed = True

    model, batches = make_model(), Stream([[make_batch(0, 4)]] * 3)
    optimizer = adamw(model, 0.1)
    steps = list(train_steps(model, batches, loss, optimizer, schedule=lambda n: n / 10))
    assert [step.number for step in steps] == [8, 9, 10]
    assert [step.learning_rate for step in steps] == pytest.approx([0.07, 0.08, 0.09])
    assert batches.closed
    assert [step.number for step in train_steps(model, batches, loss, optimizer, start=0)] == [1, 2, 3]


@pytest.mark.parametrize("make", [lambda m: adamw(m, 0.1), lambda m: muon(m, 0.1, adam_learning_rate=0.1)])
def test_a_non_finite_loss_stops_before_anything_is_touched(make):
    model = make_model()
    optimizer = make(model)
    good, bad = make_batch(0, 4), make_batch(1, 4)
    bad[0][2, 1] = math.nan
    steps = train_steps(model, [[good], [good, bad]], loss, optimizer, schedule=constant())
    next(steps)
    before = [p.clone() for p in model.parameters()]
    state = [{k: torch.as_tensor(v).clone() for k, v in optimizer.state[p].items()} for p in model.parameters()]
    with pytest.raises(
        NonFiniteLoss, match=r"wanted a finite loss.*got loss nan.*step 2 at.*rate 0.1.*lower the rate"
    ) as error:
        next(steps)
    assert (error.value.step, error.value.learning_rate) == (2, 0.1)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    for p, old in zip(model.parameters(), state, strict=True):
        assert all(torch.equal(optimizer.state[p][key], value) for key, value in old.items())


def test_an_infinite_gradient_under_a_finite_loss_stops_too():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    with pytest.raises(NonFiniteLoss, match=r"norm inf"):
        list(train_steps(model, [[torch.ones(1, 1)]], lambda m, x: (m(x).sqrt().sum(), 1), adamw(model, 0.1)))


@pytest.mark.parametrize(
    ("batches", "kind", "message"),
    [
        (
            [(torch.zeros(2, 3), torch.zeros(2, 1))],
            TypeError,
            r"wanted each step as a non-empty list.*got a tuple.*\[batch\]",
        ),
        ([[]], TypeError, "got an empty list"),
        ([[(torch.zeros(0, 3), torch.zeros(0, 1))]], ValueError, "at least one item.*count of 0.*ignored"),
    ],
)
def test_wrong_batches_are_explained(batches, kind, message):
    model = make_model()
    with pytest.raises(kind, match=message):
        list(train_steps(model, batches, loss, adamw(model, 0.1)))
    with pytest.raises(kind, match=r"wanted"):
        evaluate(model, batches, loss)


def test_clip_must_be_positive():
    model = make_model()
    with pytest.raises(ValueError, match=r"wanted clip > 0, or None.*got 0"):
        train_steps(model, [], loss, adamw(model, 0.1), clip=0.0)


def loss(model, batch):
    return squared_error(model(batch[0]), batch[1])


def batch(n, scale=1.0):
    inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(n))
    return [(inputs * scale, inputs.sum(1, keepdim=True) * scale)]


def make():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    return model, adamw(model, 1e-3)


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


@pytest.mark.slow
def test_a_compiled_loss_gives_the_same_training():
    def loss(model, batch):  # in plain torch: the checks of shapes while testing cannot be compiled
        return (model(batch[0]) - batch[1]).square().sum(), len(batch[1])

    losses = []
    for compiled in (False, True):
        model, optimizer = make()
        steps = train_steps(model, [*map(batch, range(5))], torch.compile(loss) if compiled else loss, optimizer)
        losses.append([step.loss for step in steps])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_other_values_of_the_groups_follow_their_schedules_and_go_on_from_a_checkpoint():
    schedules = {"weight_decay": lambda step: 1 - step / 4, "momentum": lambda step: 0.5 + step / 8}
    seen, saved = [], {}
    for start in (0, 2):
        model = make_model()
        optimizer = muon(model, 0.1, adam_learning_rate=0.1, weight_decay=0.4)
        if start:
            optimizer.load_state_dict(saved)
        batches = [[make_batch(n, 4)] for n in range(start, 4)]
        for step in train_steps(model, batches, loss, optimizer, schedules=schedules, start=start):
            groups = optimizer.param_groups
            seen.append((step.number, groups[0]["weight_decay"], groups[0]["momentum"], groups[-1]["weight_decay"]))
            if step.number == 2:
                saved |= optimizer.state_dict()
    expected = [(n + 1, 0.4 * (1 - n / 4), 0.95 * (0.5 + n / 8), 0.0) for n in (0, 1, 2, 3, 2, 3)]
    assert seen == [pytest.approx(values) for values in expected]
