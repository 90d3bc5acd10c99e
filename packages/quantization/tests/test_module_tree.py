"""Which layers change, and why others do not."""

import logging

import pytest
import torch
from torch import nn

from quantization import QuantizedLinear, left_in_float, quantize


def test_other_layers_stay_in_float_and_are_listed(caplog):
    model = nn.Sequential(nn.Linear(8, 8), nn.Bilinear(8, 8, 8), nn.GRU(8, 8), nn.LayerNorm(8))
    with caplog.at_level(logging.WARNING):
        result = quantize(model, "int8")
    assert isinstance(result[0], QuantizedLinear)
    assert left_in_float(result) == ["1 (Bilinear)", "2 (GRU)"]
    assert "left in float: 1 (Bilinear), 2 (GRU); linear layers" in caplog.text


def test_a_transformer_of_torch_that_reads_its_childrens_weights_still_works():
    torch.manual_seed(0)
    model = nn.Sequential(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), nn.Linear(16, 4)).eval()
    result = quantize(model, "int8")
    x = torch.randn(2, 5, 16)
    with torch.no_grad():
        assert (result(x) - model(x)).abs().max() < 0.05
    assert isinstance(result[1], QuantizedLinear)


def test_a_layer_whose_type_does_not_tell_why_it_stays_in_float_has_its_reason(caplog):
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = nn.Sequential(layer, nn.Embedding(5, 4, max_norm=1.0), nn.Conv1d(2, 2, 3, padding_mode="circular"))
    wanted = [
        "0.self_attn (MultiheadAttention, whose weights TransformerEncoderLayer reads itself)",
        "0.self_attn.out_proj (NonDynamicallyQuantizableLinear, whose weights TransformerEncoderLayer reads itself)",
        "0.linear1 (Linear, whose weights TransformerEncoderLayer reads itself)",
        "0.linear2 (Linear, whose weights TransformerEncoderLayer reads itself)",
        "1 (Embedding, whose max_norm changes its weights)",
        "2 (Conv1d, padded by circular)",
    ]
    assert left_in_float(model) == wanted
    assert left_in_float(layer) == [line.removeprefix("0.") for line in wanted[:4]]
    quantize(layer)
    assert "left in float: self_attn (" in caplog.text
    with pytest.raises(ValueError, match=r"that are called, got 0.linear1 \(Linear, whose weights .* itself\); leave"):
        quantize(model, {"0.linear1": "int8"})
