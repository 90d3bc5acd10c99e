"""GRPO's numbers, judged by plain Python, by torch's distributions, and by what sampling shows."""

import math
import statistics

import pytest
import torch
from hypothesis import given, strategies as st

from finetuning import advantages, clipped_objective, divergence

REWARDS = st.lists(st.lists(st.floats(-5, 5, width=32), min_size=4, max_size=4), min_size=1, max_size=3)


@given(REWARDS)
def test_advantages_are_distances_from_the_groups_mean(rewards):
    found = advantages(torch.tensor(rewards))
    for own, group in zip(found.tolist(), rewards, strict=True):
        mean, deviation = statistics.fmean(group), statistics.stdev(group)
        assert own == pytest.approx([(r - mean) / (deviation + 1e-4) for r in group], rel=1e-3, abs=2e-2)


def test_equal_rewards_teach_nothing():
    assert not advantages(torch.ones(3, 8)).any()
    assert not advantages(torch.zeros(3, 1)).any()


@pytest.mark.parametrize("advantage", [1.5, -0.7])
@pytest.mark.parametrize("ratio", [0.5, 0.79, 0.9, 1.0, 1.1, 1.21, 3.0])
def test_the_objective_is_that_of_the_equation_and_stops_at_its_bounds(ratio, advantage):
    new = torch.tensor([math.log(ratio)]).requires_grad_()
    found = clipped_objective(new, torch.zeros(1), torch.tensor([advantage]), 0.2)
    assert found.item() == pytest.approx(min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage), rel=1e-5)
    [slope] = torch.autograd.grad(found.sum(), new)
    past = ratio > 1.2 if advantage > 0 else ratio < 0.8
    assert slope.item() == pytest.approx(0 if past else ratio * advantage, rel=1e-5)


def test_the_distance_is_in_the_mean_that_of_the_distributions():
    """Over what the model draws, against torch's own divergence; the gradient of its mean, too, is that one's."""
    numbers = torch.Generator().manual_seed(0)
    logits, others = torch.randn(2, 6, generator=numbers)
    own, reference = (torch.distributions.Categorical(logits=one) for one in (logits, others))
    drawn = torch.multinomial(own.probs, 200_000, replacement=True, generator=numbers)
    found = divergence(own.logits[drawn], reference.logits[drawn])
    assert bool((found >= -1e-6).all())
    assert found.mean().item() == pytest.approx(torch.distributions.kl_divergence(own, reference).item(), rel=0.02)
    assert not divergence(own.logits, own.logits).any()
