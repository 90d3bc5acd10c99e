"""The feed-forward layer against torch's pieces put together by hand."""

import pytest
import torch

from transformer import FeedForward

ACTIVATIONS = {
    "gelu_tanh": torch.nn.GELU("tanh"),
    "gelu": torch.nn.GELU(),
    "relu": torch.nn.ReLU(),
    "relu_squared": lambda x: torch.nn.functional.relu(x) ** 2,
}
GATED = {"swiglu": torch.nn.SiLU(), "geglu": torch.nn.GELU()}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_it_is_two_linear_layers_around_an_activation(name):
    layer = FeedForward(4, hidden=10, activation=name)
    x = torch.randn(2, 3, 4)
    torch.testing.assert_close(layer(x), layer.down(ACTIVATIONS[name](layer.up(x))))


@pytest.mark.parametrize("name", GATED)
@pytest.mark.parametrize("bias", [True, False])
def test_gated_the_activation_of_one_product_scales_another(name, bias):
    layer, x = FeedForward(4, hidden=10, activation=name, bias=bias), torch.randn(2, 3, 4)
    assert (layer.up.bias is not None) == bias
    torch.testing.assert_close(layer(x), layer.down(GATED[name](layer.gate(x)) * layer.up(x)))


def test_gated_or_not_there_are_as_many_weights():
    plain, gated = (
        sum(p.numel() for p in FeedForward(48, activation=a, bias=False).parameters()) for a in ("gelu", "swiglu")
    )
    assert plain == gated


def test_it_is_four_times_as_wide_inside_unless_told():
    assert FeedForward(4).up.out_features == 16


def test_every_token_is_treated_alone():
    layer, x = FeedForward(4), torch.randn(2, 3, 4)
    torch.testing.assert_close(layer(x)[:, 1:2], layer(x[:, 1:2]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: FeedForward(4, activation="swish"),
            r"out of gelu_tanh, gelu, relu, relu_squared, swiglu, geglu; got 'swish'; choose",
        ),
        (lambda: FeedForward(0), r"at least 1; got n_embd=0"),
        (lambda: FeedForward(4, hidden=0), r"hidden=0"),
        (lambda: FeedForward(4)(torch.zeros(2, 3, 5)), r"\[..., 4\]; got \[2, 3, 5\]; make the layer"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message):
        call()
