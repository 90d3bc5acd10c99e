"""The readable definition against torch's own quantized tensors, and what follows from it."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from attention.caches.eight_bits import quantised
from quantization import whole_numbers

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 70))


def numbers(shape, seed, spread=1.0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * spread


@settings(deadline=None, max_examples=40)
@given(SHAPES, st.integers(2, 8), st.integers(0, 99), st.booleans(), st.sampled_from([1e-20, 1.0, 1e20]))
def test_whole_numbers_per_tensor_are_torchs(shape, bits, seed, symmetric, spread):
    x = numbers(shape, seed, spread)
    ours = whole_numbers(x, bits, group="tensor", symmetric=symmetric)
    low, high = (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1) if symmetric else (0, 2**bits - 1)
    theirs = torch.fake_quantize_per_tensor_affine(x, float(ours.scale), int(ours.zero), low, high)
    agree(ours, theirs)


@settings(deadline=None, max_examples=40)
@given(SHAPES, st.integers(0, 99))
def test_whole_numbers_per_channel_are_torchs(shape, seed):
    x = numbers(shape, seed)
    ours = whole_numbers(x, 8)
    offsets = torch.zeros(len(x), dtype=torch.int)
    agree(ours, torch.fake_quantize_per_channel_affine(x, ours.scale[:, 0], offsets, 0, -127, 127))


def agree(ours, theirs):
    """torch multiplies with a rounded 1 / scale: now and then a number between two steps goes to the other one."""
    steps = (ours.restored() - theirs).abs() / ours.scale
    assert steps.max() < 1.001
    assert (steps > 0.001).sum() <= max(1, 0.01 * steps.numel())


@settings(deadline=None, max_examples=60)
@given(
    SHAPES,
    st.integers(2, 8),
    st.one_of(st.sampled_from(["tensor", "channel"]), st.integers(1, 40)),
    st.booleans(),
    st.integers(0, 99),
)
def test_no_number_is_off_by_more_than_half_a_step(shape, bits, group, symmetric, seed):
    x = numbers(shape, seed)
    found = whole_numbers(x, bits, group=group, symmetric=symmetric)
    step = found.scale.repeat_interleave(found.width, 1)[:, : shape[1]].expand_as(x)
    # An asymmetric range is moved by up to half a step, so that zero is a whole number.
    assert ((found.restored() - x).abs() <= step * (0.5 if symmetric else 1.0) * 1.001).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 8), st.integers(1, 40), st.booleans(), st.integers(0, 99))
def test_zeros_stay_exact(bits, group, symmetric, seed):
    x = numbers((3, 50), seed).abs() + 1
    x[:, ::3] = 0
    x[1] = 0
    assert (whole_numbers(x, bits, group=group, symmetric=symmetric).restored()[x == 0] == 0).all()


def test_smaller_groups_never_have_a_larger_mean_error_on_weights_with_outliers():
    x = numbers((16, 256), 0)
    x[:, 7] *= 30
    errors = [
        float((whole_numbers(x, 4, group=group).restored() - x).square().mean())
        for group in ("tensor", "channel", 64, 16)
    ]
    assert errors == sorted(errors, reverse=True)


def test_clipping_gives_the_rest_finer_steps():
    x = numbers((1, 4096), 0)
    x[0, 0] = 12.0
    whole, half = (whole_numbers(x, 4, clip=clip).restored() - x for clip in (1.0, 0.5))
    assert half[0, 1:].square().mean() < whole[0, 1:].square().mean() / 3
    assert abs(float(half[0, 0])) == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bits": 1}, "bits: wanted 2 to 8, got 1; .*"),
        ({"group": 0}, "group: wanted .* got 0; .*"),
        ({"group": "row"}, "group: wanted .* got 'row'; .*"),
        ({"clip": 0.0}, "clip: wanted .* got 0.0; .*"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        whole_numbers(torch.ones(2, 4), **arguments)


def test_numbers_that_are_not_finite_are_counted():
    x = torch.ones(2, 4)
    x[0, 0], x[1, 3] = torch.nan, torch.inf
    with pytest.raises(ValueError, match=r"wanted finite numbers, got 2 of 8 .*; look"):
        whole_numbers(x)


@settings(deadline=None, max_examples=40)
@given(SHAPES, st.integers(0, 99), st.sampled_from([1e-20, 1.0, 1e20]))
def test_rows_that_activations_and_caches_round_to_eight_bits_are_these(shape, seed, spread):
    x = numbers(shape, seed, spread)
    ours, (whole, scale) = whole_numbers(x, 8), quantised(x)
    assert torch.equal(whole.to(torch.int32), ours.whole)
    assert torch.equal(scale, ours.scale)
