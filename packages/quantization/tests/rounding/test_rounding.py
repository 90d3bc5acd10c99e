"""Rounding that makes up for its own errors pays."""

import torch
from hypothesis import given, settings, strategies as st

from quantization.packing import four_bits, nearest, restored
from quantization.rounding.rounding import best_scales, clipped, compensated, inverse_factor


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
