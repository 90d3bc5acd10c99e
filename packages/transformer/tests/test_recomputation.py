"""An activation that is computed again costs no exactness, and is not kept."""

import weakref

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from transformer import DecoderStack, FeedForward, feed_forward


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return FeedForward(8, 32)


@pytest.fixture(autouse=True)
def nothing_is_small(monkeypatch):
    monkeypatch.setattr(feed_forward, "KEPT", 0)


def plainly(function, x, layer):
    return layer(function(x))


def gradients(layer, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(layer(x).square().sum(), [x, *layer.parameters()])


@pytest.mark.parametrize("activation", ["gelu_tanh", "gelu", "relu", "relu_squared"])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_gradients_are_bit_equal_to_those_of_what_was_kept(activation, precision, monkeypatch):
    torch.manual_seed(0)
    layer, x = FeedForward(8, 32, activation), torch.randn(2, 5, 8)
    with torch.autocast("cpu", precision, precision != torch.float32):
        ours = gradients(layer, x)
        monkeypatch.setattr(feed_forward, "through", plainly)
        theirs = gradients(layer, x)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("surrounded", [False, True])
def test_the_activation_is_not_kept(layer, precision, surrounded):
    """And its input neither, where the whole layer is computed again."""
    seen, activate = {}, layer.activate

    def watched(x):
        made = activate(x)
        seen.setdefault("input", weakref.ref(x)), seen.setdefault("activation", weakref.ref(made))
        return made

    layer.activate, x = watched, torch.randn(2, 5, 8, requires_grad=True)
    with torch.autocast("cpu", precision, precision != torch.float32):
        made = checkpoint(layer, x, use_reentrant=False) if surrounded else layer(x)
    assert made.requires_grad
    assert seen["activation"]() is None
    assert (seen["input"]() is None) == surrounded


@pytest.mark.parametrize(("kept", "times"), [(2 * 5 * 32, 1), (2 * 5 * 32 - 1, 2)])
def test_few_values_are_kept_as_they_take_more_time_than_room(layer, kept, times, monkeypatch):
    monkeypatch.setattr(feed_forward, "KEPT", kept)
    calls, activate = [], layer.activate
    layer.activate = lambda x: calls.append(1) or activate(x)
    gradients(layer, torch.randn(2, 5, 8))
    assert len(calls) == times


def test_a_gradient_has_a_gradient(layer):
    x = torch.randn(3, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(layer.double(), x)


def test_transforms_of_functions_go_through(layer):
    x = torch.randn(4, 8)
    made = torch.func.vmap(torch.func.grad(lambda row: layer(row).square().sum()))(x)
    torch.testing.assert_close(made, gradients(layer, x)[0])


def test_a_stack_that_recomputes_its_blocks_has_the_same_gradients():
    torch.manual_seed(0)
    stack, x = DecoderStack(2, 8, 2).train(), torch.randn(2, 5, 8)
    usual = gradients(stack, x)
    stack.recompute = True
    assert all(torch.equal(a, b) for a, b in zip(gradients(stack, x), usual, strict=True))
