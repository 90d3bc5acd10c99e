"""Corrections against their definitions by brute force, and what counts as more than chance."""

import random

import pytest
import torch

from evaluation import Estimate, compare_units
from interpretability import Effect, benjamini_hochberg, holm
from interpretability.interventions.effects import effects_of


def rejected(p_values, level):
    """Holm's procedure, step by step: the set of hypotheses that it rejects at a level."""
    left, gone = dict(enumerate(p_values)), set()
    while left:
        index = min(left, key=left.get)
        if left[index] * len(left) > level:
            break
        gone.add(index)
        del left[index]
    return gone


def discovered(p_values, level):
    """Benjamini and Hochberg's: all up to the largest k with p_(k) <= k level / m."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    passing = [k for k, index in enumerate(order, start=1) if p_values[index] <= k * level / len(order)]
    return set(order[: max(passing, default=0)])


@pytest.mark.parametrize(("correct", "procedure"), [(holm, rejected), (benjamini_hochberg, discovered)])
def test_corrected_p_values_decide_as_the_procedure_does_at_every_level(correct, procedure):
    draws = random.Random(0)
    for _ in range(50):
        p_values = [draws.random() ** 3 for _ in range(draws.randint(1, 20))]
        adjusted = correct(p_values)
        for level in (0.01, 0.05, 0.2, 0.5):
            assert {n for n, p in enumerate(adjusted) if p <= level} == procedure(p_values, level)
        assert all(p <= q + 1e-12 <= 1 + 1e-12 for p, q in zip(p_values, adjusted, strict=True))


def test_chance_is_not_taken_for_an_effect_and_an_effect_is():
    """100 parts that do nothing, and one that costs 0.1 nats in most rows."""
    generator = torch.Generator().manual_seed(0)
    plain = torch.rand(60, generator=generator, dtype=torch.float64) + 3
    noise = torch.randn(101, 60, generator=generator, dtype=torch.float64) * 0.1
    changed = plain + noise
    changed[17] += 0.1
    effects = effects_of([f"part {n}" for n in range(101)], changed, plain)
    assert [effect.part for effect in effects if effect.is_real] == ["part 17"]
    assert sum(effect.p_value < 0.05 for effect in effects) > 1  # without the correction there would be more
    assert effects[17].nats.value == pytest.approx((changed[17] - plain).mean().item())


def test_a_row_that_is_as_it_was_speaks_for_neither_side():
    plain = torch.arange(12, dtype=torch.float64)
    changed = plain.clone()
    changed[:5] += 0.5
    effect = effects_of(["x"], changed[None], plain)[0]
    wanted = compare_units(changed.tolist(), plain.tolist())
    assert effect.p_value == wanted.p_value == 2 * 0.5**5
    assert effect.nats == wanted.difference


def test_an_interval_over_zero_is_chance_whatever_the_sign_test_says():
    assert not Effect("x", Estimate(0.1, -0.1, 0.3), 0.001, 0.01).is_real
    assert not Effect("x", Estimate(0.1, None, None), 1.0, 1.0).is_real
    assert Effect("x", Estimate(-0.1, -0.2, -0.05), 0.001, 0.01).is_real
