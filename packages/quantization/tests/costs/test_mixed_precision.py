"""Plans that keep a budget."""

import math

import pytest

from quantization import (
    bytes_of,
    divergences,
    precision_path,
    quantize,
    within_bytes,
    within_loss,
)


def test_every_plan_of_the_path_is_smaller_and_its_size_is_true(model, rows):
    plans = precision_path(model, rows[:2])
    sizes = [plan.n_bytes for plan in plans]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)
    assert sizes[0] == bytes_of(model)
    assert set(plans[-1].layers.values()) == {"int4:32"}
    for plan in plans[:: max(1, len(plans) // 4)]:
        assert bytes_of(quantize(model, plan.layers)) == plan.n_bytes


def test_a_budget_of_bytes_and_one_of_loss_are_kept(model, rows):
    plans = precision_path(model, rows[:2])
    budget = 0.3 * bytes_of(model)
    plan = within_bytes(plans, budget)
    assert bytes_of(quantize(model, plan.layers)) <= budget
    asked = []

    def loss_of(layers):
        asked.append(layers)
        return divergences(model, {"plan": quantize(model, layers)}, rows)["plan"].nats

    best = within_loss(plans, loss_of, 1e-3)
    assert loss_of(best.layers) <= 1e-3
    assert loss_of(plans[plans.index(best) + 1].layers) > 1e-3
    assert len(asked) <= math.log2(len(plans)) + 4
    with pytest.raises(ValueError, match=r"size: wanted at most 10 bytes, got [\d,]+ with every layer at its smallest"):
        within_bytes(plans, 10)
