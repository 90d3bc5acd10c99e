"""Calibrated rounding: what is learned from text, and that it pays."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from quantization import calibrate, calibrate_on_text, equalise, quantize
from quantization.packing import four_bits, nearest, pack, restored, unpack
from quantization.rounding.rounding import best_scales, clipped, compensated, inverse_factor


def correlated(columns, seed):
    """Weights, and inputs that are far from independent."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(columns, columns, generator=generator) ** 3
    return torch.randn(24, columns, generator=generator), torch.randn(4 * columns, columns, generator=generator) @ mix


def lost(weight, packed, x):
    """Of the outputs, not of the weights: what a reader of the model sees."""
    return float(((restored(packed["weight"], packed["scale"], None) - weight) @ x.T).square().mean())


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 9), st.integers(1, 30), st.integers(0, 99))
def test_two_numbers_of_four_bits_fit_in_a_byte(rows, half, seed):
    whole = torch.randint(16, (rows, 2 * half), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    assert torch.equal(unpack(pack(whole)), whole)
    by_hand = [[int(row[2 * k]) + 16 * int(row[2 * k + 1]) for k in range(half)] for row in whole]
    assert pack(whole).tolist() == by_hand


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


def test_calibration_sees_what_the_layers_see(model, tokenizer, text):
    ids = torch.tensor(tokenizer.encode(text))[:960].reshape(-1, 48)
    seen = calibrate(model, ids.split(5))
    caught = []
    hook = model.decoder.blocks[1].feed_forward.down.register_forward_pre_hook(
        lambda _, inputs: caught.append(inputs[0])
    )
    with torch.no_grad():
        final = model.hidden(ids).flatten(0, 1)
    hook.remove()
    x = caught[0].flatten(0, 1)
    assert seen.tokens == 960
    torch.testing.assert_close(seen.moments["decoder.blocks.1.feed_forward.down"], x.T @ x / 960, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(seen.moments["token_embedding"], final.T @ final / 960, rtol=1e-3, atol=1e-3)


def test_the_error_of_outputs_follows_from_the_moments():
    weight, x = correlated(16, 0)
    seen = calibrate(nn.Linear(16, 24), [x])
    change = 0.01 * torch.ones_like(weight)
    expected = (x @ change.T).square().sum(-1).mean()
    assert seen.output_error("", change) == pytest.approx(float(expected), rel=1e-4)


def test_a_calibrated_model_is_closer_to_the_original_on_such_text(model, tokenizer, text):
    seen = calibrate_on_text(model, tokenizer, text, tokens=4000)
    ids = torch.tensor([tokenizer.encode(text[30_000:31_000])[:48]])

    def error(small):
        with torch.inference_mode():
            return float((small(ids) - model(ids)).square().mean())

    assert error(quantize(model, "int4", calibration=seen)) < 0.8 * error(quantize(model, "int4"))


def test_equalising_changes_nothing_in_float_and_helps_loud_inputs(model, tokenizer, text):
    with torch.no_grad():
        loud = quantize(model, {})  # shares all tensors
        loud.decoder.blocks[0].attention_norm.weight = nn.Parameter(
            loud.decoder.blocks[0].attention_norm.weight.clone()
        )
        loud.decoder.blocks[0].attention_norm.weight[::16] *= 30
    seen = calibrate_on_text(loud, tokenizer, text, tokens=2000)
    equal, now_seen = equalise(loud, seen)
    ids = torch.tensor([tokenizer.encode(text[:1000])[:48]])
    name = "decoder.blocks.0.attention.qkv"
    with torch.inference_mode():
        torch.testing.assert_close(equal(ids), loud(ids), rtol=1e-3, atol=1e-3)
    before, after = (quantize(one, {name: "int4"}).get_submodule(name).restored() for one in (loud, equal))
    errors = [
        calibration.output_error(name, small - one.get_submodule(name).weight.detach())
        for small, one, calibration in ((before, loud, seen), (after, equal, now_seen))
    ]
    assert errors[1] < 0.7 * errors[0]


def test_a_text_too_short_to_calibrate_with_is_refused(model, tokenizer, text):
    with pytest.raises(
        ValueError, match=r"calibration: wanted a text of at least 288 tokens .*, got \d+; give a longer"
    ):
        calibrate_on_text(model, tokenizer, "short")
    ids = torch.tensor([tokenizer.encode(text)[:48]])
    with pytest.raises(ValueError, match=r"wanted at least 256 tokens \(channels of the widest layer\), got 48; give"):
        calibrate(model, [ids])


def test_rounding_by_an_unknown_way_or_without_its_calibration_is_refused(model):
    with pytest.raises(ValueError, match=r"rounding: wanted nearest, clipped, compensated, got 'up'; "):
        quantize(model, "int4", rounding="up")
    with pytest.raises(ValueError, match=r"rounding: wanted a calibration for compensated, got none; "):
        quantize(model, "int4", rounding="compensated")
