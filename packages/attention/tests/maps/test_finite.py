"""A number that is none is named where it comes in: which tensor, how many, and where the first."""

import math

import pytest
import torch
from torch import nn

from attention import MultiHeadAttention, causal, check_finite, finite_inputs


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = MultiHeadAttention(8, 2), MultiHeadAttention(8, 2)

    def forward(self, x, source=None):
        return self.second(x=self.first(x, causal()), source=source)


def spoilt(shape, places, value=math.nan):
    x = torch.zeros(shape)
    for place in places:
        x[place] = value
    return x


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_tensor_the_count_and_the_first_place_are_named(value):
    k = spoilt((2, 3, 4), [(1, 0, 2), (1, 2, 3), (0, 2, 1)], value)
    with pytest.raises(
        ValueError, match=rf"finite numbers in k; got 3 of 24 .*first {value} at \[0, 2, 1\] in shape \[2"
    ):
        check_finite(q=torch.zeros(2), nothing=None, k=k)


def test_large_numbers_and_whole_ones_pass():
    check_finite(x=torch.full((2,), torch.finfo(torch.float32).max), ids=torch.arange(3), empty=torch.zeros(0))


def test_a_model_is_watched_layer_by_layer_and_left_as_it_was():
    model, x = Two(), torch.randn(1, 3, 8)
    before = model(x)
    with finite_inputs(model):
        assert torch.equal(model(x), before)
        with torch.no_grad():
            model.first.out.bias[1] = math.inf
        with pytest.raises(ValueError, match=r"in x of second; got 3 of 24 .*first inf at \[0, 0, 1\]"):
            model(x)
    assert not bool(model(x).isfinite().all())


@pytest.mark.parametrize("projected", [False, True])
def test_a_source_is_watched_too(projected):
    model, source = Two(), spoilt((1, 5, 8), [(0, 4, 0)])
    with finite_inputs(model), pytest.raises(ValueError, match="in the source of second; got"):
        model(torch.randn(1, 3, 8), model.second.keys_values(source) if projected else source)


def test_a_layer_by_itself_is_named_so():
    with (
        finite_inputs(layer := MultiHeadAttention(8, 2)),
        pytest.raises(ValueError, match="in x of the layer; got 1 of"),
    ):
        layer(spoilt((1, 2, 8), [(0, 0, 0)]))
