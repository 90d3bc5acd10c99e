"""Claims about schedules, held to torch's."""

import math

import pytest
import torch
from hypothesis import given, strategies as st

from trainkit import (
    constant,
    cosine,
    linear_to_zero,
    warmup_stable_decay,
)


def test_the_stable_stretch_does_not_depend_on_the_length():
    short, long = warmup_stable_decay(100, warmup=10, decay=0.2), warmup_stable_decay(1000, warmup=10, decay=0.2)
    assert [short(n) for n in range(81)] == [long(n) for n in range(81)]
    assert [short(n) for n in (80, 90, 99, 100, 101)] == pytest.approx([1.0, 0.5, 0.05, 0.0, 0.0])


@pytest.mark.parametrize(("steps", "floor"), [(1, 0.0), (10, 0.1), (97, 0.5)])
def test_cosine_equals_torchs_annealing(steps, floor):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=3.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps, eta_min=3.0 * floor)
    factor = cosine(steps, floor=floor)
    for step in range(steps + 1):
        assert 3.0 * factor(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
        optimizer.step()
        reference.step()


@given(st.integers(1, 300), st.data())
def test_schedules_rise_in_the_warmup_fall_after_it_and_stay_within_zero_and_one(steps, data):
    warmup = data.draw(st.integers(0, steps - 1))
    for factor in (constant(warmup), linear_to_zero(steps, warmup), cosine(steps, warmup)):
        values = [factor(step) for step in range(steps + 3)]
        assert all(0 <= value <= 1 for value in values)
        assert values[:warmup] == pytest.approx([(n + 1) / warmup for n in range(warmup)])
        assert values[warmup] == pytest.approx(1.0)
        assert all(a >= b for a, b in zip(values[warmup:], values[warmup + 1 :], strict=False))


def test_the_line_ends_at_zero_right_after_the_last_step():
    factor = linear_to_zero(10)
    assert [factor(0), factor(9), factor(10), factor(11)] == pytest.approx([1.0, 0.1, 0.0, 0.0])
    assert math.isclose(cosine(10, floor=0.2)(10_000), 0.2)


@pytest.mark.parametrize("make", [linear_to_zero, cosine])
def test_a_warmup_as_long_as_the_run_is_an_error(make):
    with pytest.raises(ValueError, match=r"wanted 0 <= warmup < steps, got warmup 5 and steps 5"):
        make(5, warmup=5)
