"""Rounding that makes up for its own errors pays."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from quantization.packing import four_bits, nearest, restored
from quantization.rounding.rounding import CLIPS, best_scales, clipped, compensated, inverse_factor


def correlated(columns, seed):
    """Weights, and inputs that are far from independent."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(columns, columns, generator=generator) ** 3
    return torch.randn(24, columns, generator=generator), torch.randn(4 * columns, columns, generator=generator) @ mix


def lost(weight, packed, x):
    """Of the outputs, not of the weights: what a reader of the model sees."""
    return float(((restored(packed["weight"], packed["scale"], None) - weight) @ x.T).square().mean())


@settings(deadline=None, max_examples=15)
@given(st.sampled_from([(32, 8), (48, 16), (64, None), (130, 26)]), st.integers(0, 99))
def test_each_way_of_rounding_loses_less_than_the_one_before(shape, seed):
    columns, size = shape
    weight, x = correlated(columns, seed)
    moment = x.T @ x / len(x)
    by_size = lost(weight, four_bits(weight, size), x)
    by_clipping = lost(weight, clipped(weight, size, moment), x)
    by_compensation = lost(weight, compensated(weight, size, moment), x)
    assert by_compensation < 0.8 * min(by_size, by_clipping)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 99))
def test_clipped_scales_never_have_a_larger_error_than_unclipped_ones(seed):
    groups = torch.randn(6, 4, 16, generator=torch.Generator().manual_seed(seed)) ** 3
    plain = four_bits(groups.flatten(1), 16)["scale"]

    def error(scale):
        return ((nearest(groups, scale).float() - 8) * scale[..., None] - groups).square().sum(-1)

    assert (error(best_scales(groups)) <= error(plain) * 1.0001).all()


def tried(group, importance):
    """All scales that are tried for one group, by NumPy: the least error weighed by the inputs, and its scale."""
    largest = group[np.abs(group).argmax()]
    scales = np.array([clip * largest / end for clip in CLIPS for end in (-8, 7)])
    whole = np.clip(np.floor(group / scales[:, None] + 0.5), -8, 7) * scales[:, None]
    errors = ((whole - group) ** 2 * importance).sum(1)
    return scales[errors.argmin()], errors.min()


@pytest.mark.parametrize("seed", range(5))
def test_a_scale_is_the_best_for_the_inputs_that_count(seed):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(6, 32, generator=generator).double() ** 3
    importance = (4 * torch.randn(32, generator=generator)).exp().double()  # some inputs are a thousand times others
    scale = clipped(weight, 8, torch.diag(importance))["scale"]
    for row in range(6):
        for group in range(4):
            part = slice(8 * group, 8 * group + 8)
            _, least = tried(weight[row, part].float().double().numpy(), importance[part].numpy())
            ours = float(scale[row, group])
            whole = np.clip(np.floor(weight[row, part].numpy() / ours + 0.5), -8, 7) * ours
            error = ((whole - weight[row, part].numpy()) ** 2 * importance[part].numpy()).sum()
            assert error <= least * 1.001


def test_the_first_groups_scale_of_compensated_rounding_is_weighed_too():
    """Of independent inputs, of which one counts a thousand times as much as the others."""
    generator = torch.Generator().manual_seed(1)
    weight, moment = torch.randn(16, 8, generator=generator) ** 3, torch.diag(torch.tensor([1e3] + [1.0] * 7))
    weighed, unweighed = clipped(weight, 8, moment)["scale"], clipped(weight, 8)["scale"]
    assert not torch.equal(weighed, unweighed)
    assert torch.equal(compensated(weight, 8, moment)["scale"], weighed)


def test_damping_is_what_is_asked_for_and_a_hundredth_if_nothing_is():
    weight, x = correlated(32, seed=3)
    moment = x[:8].T @ x[:8] / 8  # of eight inputs: without damping it has no inverse
    first, second = (compensated(weight, 8, moment, **how) for how in ({}, {"damping": 0.01}))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert first["scale"].isfinite().all()
    assert not torch.equal(compensated(weight, 8, moment, damping=1.0)["weight"], first["weight"])
    alone = compensated(weight, 8, moment, damping=1e9)  # inputs drown in it: nothing is left to make up for
    assert torch.equal(alone["weight"], clipped(weight, 8, moment)["weight"])
    with pytest.raises(torch.linalg.LinAlgError):
        inverse_factor(torch.ones(4, 4), 0.0)


def test_with_independent_inputs_compensation_has_nothing_to_gain():
    weight = torch.randn(8, 64, generator=torch.Generator().manual_seed(0))
    both = [way(weight, 16, torch.eye(64)) for way in (clipped, compensated)]
    assert torch.equal(both[0]["weight"], both[1]["weight"])


def test_the_factor_is_that_of_the_inverse_and_survives_inputs_that_are_always_zero():
    x = torch.randn(50, 12, generator=torch.Generator().manual_seed(0))
    x[:, 3] = 0
    moment = x.T @ x
    damped = moment.double() + 0.01 * moment.diagonal().double().mean() * torch.eye(12, dtype=torch.float64)
    factor = inverse_factor(moment, 0.01).double()
    torch.testing.assert_close(factor.T @ factor, damped.inverse(), rtol=1e-3, atol=1e-5)
    assert inverse_factor(torch.zeros(4, 4), 0.01).isfinite().all()
