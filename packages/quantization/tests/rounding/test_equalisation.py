"""Loud inputs get finer steps."""

import torch
from torch import nn

from quantization import calibrate_on_text, equalise, quantize


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

    def error(small, one, calibration):
        """Of the layer's outputs."""
        change = small - one.get_submodule(name).weight.detach()
        return float(((change @ calibration.moments[name]) * change).sum())

    assert error(after, equal, now_seen) < 0.7 * error(before, loud, seen)
