"""Single layers with small weights."""

import pytest
import torch
from torch import nn

from quantization import quantize
from transformer.kernels.weights import Weights


def test_a_layer_says_which_width_it_wants():
    with pytest.raises(ValueError, match=r"wanted x of shape \[..., 64\]; got \[2, 3\]"):
        quantize(nn.Linear(64, 50))(torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"wanted ids from 0 to 49; got 0 to 50"):
        quantize(nn.Embedding(50, 64))(torch.tensor([0, 50]))


def test_a_row_with_an_outlier_costs_the_other_rows_nothing():
    torch.manual_seed(0)
    layer = quantize(nn.Linear(64, 8), "int8")
    x = torch.randn(3, 64)
    louder = x.clone()
    louder[1, 5] = 1e6
    assert torch.equal(layer(louder)[[0, 2]], layer(x)[[0, 2]])


def test_zeros_and_infinities_stay_what_they_are():
    layer = quantize(nn.Linear(8, 4), "int8")
    assert torch.equal(layer(torch.zeros(2, 8)), layer.bias.expand(2, 4))
    broken = torch.zeros(2, 8)
    broken[0, 0], broken[1, 0] = torch.inf, torch.nan
    assert layer(broken).isnan().all()


@pytest.mark.parametrize("scheme", ["int8", "int8-weight-only", "int4:8", "bfloat16"])
def test_a_layer_gives_some_of_its_rows_and_logits_to_whoever_asks(scheme):
    layer, x = quantize(nn.Linear(64, 12), scheme), torch.randn(3, 64)
    assert isinstance(layer, Weights)
    weight, bias = layer.rows(slice(2, 7))
    assert torch.equal(weight, layer.restored()[2:7])
    assert torch.equal(bias, layer.bias[2:7])
    assert torch.equal(layer.logits(x), layer(x))
    table = quantize(nn.Embedding(12, 64), scheme)
    assert table.rows(slice(None))[1] is None
    assert torch.allclose(table.logits(x), x @ table.restored().T, atol=0.2)
    assert table(torch.tensor([3])).shape == (1, 64)
