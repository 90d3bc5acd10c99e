"""What is learned from text, and that it pays."""

import pytest
import torch
from torch import nn

from quantization import (
    calibrate,
    calibrate_on_text,
    quantize,
)
from quantization.rounding.calibration import TOKENS, windows


def correlated(columns, seed):
    """Weights, and inputs that are far from independent."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(columns, columns, generator=generator) ** 3
    return torch.randn(24, columns, generator=generator), torch.randn(4 * columns, columns, generator=generator) @ mix


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
    assert float(((change @ seen.moments[""]) * change).sum()) == pytest.approx(float(expected), rel=1e-4)


def test_a_calibrated_model_is_closer_to_the_original_on_such_text(model, tokenizer, text):
    seen = calibrate_on_text(model, tokenizer, text, tokens=4000)
    ids = torch.tensor([tokenizer.encode(text[30_000:31_000])[:48]])

    def error(small):
        with torch.inference_mode():
            return float((small(ids) - model(ids)).square().mean())

    assert error(quantize(model, "int4", calibration=seen)) < 0.8 * error(quantize(model, "int4"))


def test_a_text_too_short_to_calibrate_with_is_refused(model, tokenizer, text):
    with pytest.raises(
        ValueError, match=r"calibration: wanted a text of at least 288 tokens .*, got \d+; give a longer"
    ):
        calibrate_on_text(model, tokenizer, "short")
    ids = torch.tensor([tokenizer.encode(text)[:48]])
    with pytest.raises(ValueError, match=r"wanted at least 256 tokens \(channels of the widest layer\), got 48; give"):
        calibrate(model, [ids])


def test_calibrating_tells_its_steps_too(model, tokenizer, text):
    told = []
    calibrate_on_text(model, tokenizer, text, tokens=48 * 20, progress=lambda *step: told.append(step))
    assert told == [(done, 3) for done in range(4)]


def test_calibration_names_the_larger_of_what_it_wants_at_once(model, tokenizer, text):
    with pytest.raises(
        ValueError, match=r"wanted a text of at least 288 tokens \(windows of 48, a widest layer of 256"
    ):
        calibrate_on_text(model, tokenizer, text[:300])
    with pytest.raises(
        ValueError, match=r"tokens: wanted at least 288 \(windows of 48, .*\), got 287; 16,384 are usual"
    ):
        calibrate_on_text(model, tokenizer, text, tokens=287)
    assert calibrate_on_text(model, tokenizer, text, tokens=288).tokens == 288
    assert TOKENS == 16_384


@pytest.mark.parametrize(("length", "tokens", "rows"), [(8, 8, 1), (9, 3, 1), (16, 16, 2), (17, 8, 1), (40, 24, 3)])
def test_windows_are_as_many_as_the_tokens_asked_for_and_span_the_text(length, tokens, rows):
    found = windows(torch.arange(length), 8, tokens)
    assert found.shape == (rows, 8)
    assert found[0, 0] == 0
    assert rows == 1 or found[-1, -1] == length - 1
