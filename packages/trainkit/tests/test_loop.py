"""Claims about the loop and evaluation, held to plain torch."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from trainkit import NonFiniteLoss, adamw, bits_per_byte, constant, evaluate, muon, train_steps


def squared_error(model, batch):
    inputs, targets = batch
    return (model(inputs) - targets).square().sum(), len(targets)


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
            squared_error,
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
        [step] = train_steps(model, [micro], squared_error, torch.optim.SGD(model.parameters(), lr=0.1))
        results.append((step.loss, step.gradient_norm, step.items, *[p.sum().item() for p in model.parameters()]))
    assert results[1] == pytest.approx(results[0], rel=1e-12)


def test_the_mean_is_over_tokens_not_over_micro_batches():
    model = make_model()
    a, b = make_batch(0, 1), make_batch(1, 9)
    [step] = train_steps(model, [[a, b]], squared_error, torch.optim.SGD(model.parameters(), lr=0.0))
    mean = functional.mse_loss(model(torch.cat([a[0], b[0]])), torch.cat([a[1], b[1]]))
    assert step.loss == pytest.approx(mean.item(), rel=1e-5)


def test_steps_are_numbered_from_the_start_and_follow_the_schedule():
    class Stream(list):
        start, closed = 7, False

        def close(self):
            self.closed = True

    model, batches = make_model(), Stream([[make_batch(0, 4)]] * 3)
    optimizer = adamw(model, 0.1)
    steps = list(train_steps(model, batches, squared_error, optimizer, schedule=lambda n: n / 10))
    assert [step.number for step in steps] == [8, 9, 10]
    assert [step.learning_rate for step in steps] == pytest.approx([0.07, 0.08, 0.09])
    assert batches.closed
    assert [step.number for step in train_steps(model, batches, squared_error, optimizer, start=0)] == [1, 2, 3]


@pytest.mark.parametrize("make", [lambda m: adamw(m, 0.1), lambda m: muon(m, 0.1, adam_learning_rate=0.1)])
def test_a_non_finite_loss_stops_before_anything_is_touched(make):
    model = make_model()
    optimizer = make(model)
    good, bad = make_batch(0, 4), make_batch(1, 4)
    bad[0][2, 1] = math.nan
    steps = train_steps(model, [[good], [good, bad]], squared_error, optimizer, schedule=constant())
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
        list(train_steps(model, batches, squared_error, adamw(model, 0.1)))
    with pytest.raises(kind, match=r"wanted"):
        evaluate(model, batches, squared_error)


def test_clip_must_be_positive():
    model = make_model()
    with pytest.raises(ValueError, match=r"wanted clip > 0, or None.*got 0"):
        train_steps(model, [], squared_error, adamw(model, 0.1), clip=0.0)


def test_evaluation_weighs_an_uneven_last_batch_by_what_it_holds():
    model = make_model()
    inputs, targets = make_batch(3, 10)
    cut = [[(inputs[:7], targets[:7])], [(inputs[7:9], targets[7:9]), (inputs[9:], targets[9:])]]
    result = evaluate(model, cut, squared_error)
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
        return squared_error(model, (batch[0] + torch.randn_like(batch[0]), batch[1]))

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
