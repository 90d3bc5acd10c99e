"""Whole models: what `quantize` changes, shares, leaves and refuses."""

import pytest
import torch
from torch import nn

from quantization import QuantizedEmbedding, quantize

SCHEMES = ("int8", "int8-weight-only", "int4", "int4:64", "bfloat16")


class TiedModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(50, 64)
        self.body = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64, bias=False))
        self.head = nn.Linear(64, 50, bias=False)
        self.head.weight = self.table.weight

    def forward(self, ids):
        return self.head(self.body(self.table(ids)))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TiedModel().eval()


IDS = torch.arange(50).reshape(2, 25)


@pytest.mark.parametrize("how", SCHEMES)
def test_a_quantized_model_computes_nearly_the_same_and_the_original_is_untouched(model, how):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    wanted, got = model(IDS).detach(), quantize(model, how)(IDS)
    error = float((got - wanted).square().mean().sqrt() / wanted.square().mean().sqrt())
    assert error < (0.25 if "int4" in how else 0.02)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())
    assert type(model.head) is nn.Linear


def test_new_layers_are_in_the_mode_of_those_they_replace(model):
    model.head.train()
    assert {name for name, layer in quantize(model).named_modules() if layer.training} == {"head"}


def test_a_shared_table_stays_shared(model):
    result = quantize(model, "int8")
    assert isinstance(result.table, QuantizedEmbedding)
    assert result.head.weight is result.table.weight
    assert result.head.scale is result.table.scale


def test_layers_can_be_kept_or_have_schemes_of_their_own(model):
    kept = quantize(model, "int8", keep=["body.0"])
    assert kept.body[0].weight is model.body[0].weight
    mixed = quantize(model, {"body.0": "int4:64", "body.2": "int8"})
    assert [mixed.body[0].scheme, mixed.body[0].group_size, mixed.body[2].scheme] == ["int4", 64, "int8"]
    assert type(mixed.head) is nn.Linear


def test_rows_that_four_bits_cannot_cut_have_smaller_groups_or_eight_bits():
    result = quantize(nn.Sequential(nn.Linear(20, 20), nn.Linear(20, 7), nn.Linear(7, 4)), "int4")
    assert [(layer.scheme, layer.group_size) for layer in result] == [
        ("int4", 20),
        ("int4", 20),
        ("int8-weight-only", None),
    ]
    with pytest.raises(ValueError, match=r"layer 0: group_size: wanted an even divisor of the row's 20 .* got 64; "):
        quantize(nn.Sequential(nn.Linear(20, 20)), "int4:64")


@pytest.mark.parametrize(("how", "given"), [("int8", "int8-weight-only"), ("int4", "int8-weight-only")])
def test_a_convolution_that_gets_another_scheme_than_asked_for_says_so(how, given, caplog):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8, 7), nn.Linear(7, 2))
    result = quantize(model, how)
    assert result[0].scheme == given
    odd = ", 3 (Linear)" if how == "int4" else ""
    assert f"int8-weight-only instead of {how}: 0 (Conv2d){odd}; convolutions are computed in float" in caplog.text
    caplog.clear()
    quantize(model, {"0": how, "2": "int8"})
    assert f"int8-weight-only instead of {how}: 0 (Conv2d); " in caplog.text


@pytest.mark.parametrize("how", ["int8-weight-only", "bfloat16", {"2": "int8"}])
def test_a_scheme_that_all_layers_get_is_no_warning(how, caplog):
    quantize(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8, 7)), how)
    assert not caplog.text


def test_quantizing_twice_is_refused(model):
    with pytest.raises(ValueError, match=r"wanted one in float, got one with 4 layers quantized already \(int8\); "):
        quantize(quantize(model, "int8"), "int4")


@pytest.mark.parametrize("how", ["int3", "int4:7", "int8:32", "int4:x", {"body.1": "int8"}, {"nothing": "int8"}])
def test_unknown_schemes_and_layers_are_refused(model, how):
    with pytest.raises(ValueError, match=r"wanted .* got .*; "):
        quantize(model, how)


def test_weights_that_are_no_numbers_are_refused(model):
    model.body[0].weight.data[0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"layer body.0: weight: wanted finite numbers"):
        quantize(model)


def test_rounding_by_an_unknown_way_or_without_its_calibration_is_refused(model):
    with pytest.raises(ValueError, match=r"rounding: wanted nearest, clipped, compensated, got 'up'; "):
        quantize(model, "int4", rounding="up")
    with pytest.raises(ValueError, match=r"rounding: wanted a calibration for compensated, got none; "):
        quantize(model, "int4", rounding="compensated")


@pytest.mark.parametrize("kept", [[], ["body.0"]])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("how", SCHEMES)
def test_a_model_in_half_precision_is_widened_where_layers_meet(how, dtype, kept):
    half = TiedModel().eval()
    half.norm = nn.BatchNorm1d(50)
    half.to(dtype)
    quantized = quantize(half, how, keep=kept)
    logits = quantized(torch.arange(20))
    assert quantized.norm(logits).dtype == torch.float32
    wanted = TiedModel().eval()
    wanted.load_state_dict(half.state_dict(), strict=False)
    assert torch.allclose(logits, quantize(wanted, how, keep=kept)(torch.arange(20)), atol=1e-5)
    assert {tensor.dtype for tensor in half.state_dict().values() if tensor.is_floating_point()} == {dtype}
