"""Wirings against the formulas written out, and the contract."""

from functools import partial

import pytest
import torch

from attention import MultiHeadAttention
from transformer import (
    CrossBlock,
    CrossStack,
    DecoderBlock,
    EncoderBlock,
    EncoderStack,
    FeedForward,
    LayerNorm,
    RMSNorm,
    contract,
    wiring,
)
from transformer.wiring import Residual

C, H, B, T, S = 8, 2, 2, 5, 7


WIRINGS = ["pre", "post", "sandwich", "parallel"]


def randomized(module):
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return module


@pytest.mark.parametrize("wiring", WIRINGS)
def test_a_wiring_is_its_formula(wiring):
    block, x = randomized(EncoderBlock(C, H, wiring=wiring)), torch.randn(B, T, C)
    attention, think = block.attention, block.feed_forward
    norm, norm2, after, after2 = (
        block.attention_norm,
        block.feed_forward_norm,
        block.attention_norm_after,
        block.feed_forward_norm_after,
    )
    if wiring == "pre":
        y = x + attention(norm(x))
        expected = y + think(norm2(y))
    elif wiring == "post":
        y = norm(x + attention(x))
        expected = norm2(y + think(y))
    elif wiring == "sandwich":
        y = x + after(attention(norm(x)))
        expected = y + after2(think(norm2(y)))
    else:
        expected = x + attention(norm(x)) + think(norm2(x))
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("wiring", WIRINGS)
def test_every_wiring_keeps_every_claim(wiring):
    assert "steps give what the whole gives" in contract.check(DecoderBlock(C, H, wiring=wiring))


def test_modern_parts_keep_every_claim():
    block = DecoderBlock(
        C,
        H,
        norm=RMSNorm,
        attention=partial(MultiHeadAttention, n_kv_head=1, bias=False, query_key_norm=True),
        feed_forward=partial(FeedForward, activation="swiglu", bias=False),
    )
    assert "rows of different lengths in a cache do not touch" in contract.check(block)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: EncoderBlock(C, H, wiring="middle"), r"out of pre, post, sandwich, parallel; got 'middle'; choose"),
        (lambda: CrossBlock(C, H, wiring="parallel"), r"out of pre, post, sandwich; got 'parallel'; choose"),
        (lambda: EncoderStack(0, C, H), r"n_layer of at least 1; got 0"),
        (
            lambda: CrossBlock(C, H)(torch.zeros(1, 2, C), torch.zeros(1, 3, C + 1)),
            r"wanted source of shape \[B, T, 8\]; got \[1, 3, 9\]; make",
        ),
        (
            lambda: CrossStack(2, C, H)(torch.zeros(1, 2, C), CrossStack(3, C, H).keys_values(torch.zeros(1, 3, C))),
            r"wanted keys and values for 2 layers; got 3; make them with keys_values of this stack",
        ),
    ],
)
def test_bad_wirings_are_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message):
        call()


def learned(block, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(block(x).square().sum(), [x, *block.parameters()])


@pytest.mark.parametrize("wired", ["pre", "parallel", "sandwich"])
def test_a_norm_is_computed_again_to_the_same_bits_and_not_kept(wired, monkeypatch):
    torch.manual_seed(0)
    block, x, kept = DecoderBlock(16, 2, wiring=wired), torch.randn(2, 6, 16), []
    made = [block.attention_norm(x), block.feed_forward_norm(x)] if wired == "parallel" else [block.attention_norm(x)]

    def keep(tensor):
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        ours = learned(block, x)
    whole = [tensor for tensor in kept if tensor.numel() == x.numel()]
    assert not any(torch.equal(tensor.reshape(value.shape), value) for tensor in whole for value in made)
    monkeypatch.setattr(wiring, "computes_again", lambda norm: False)
    theirs = learned(block, x)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_norm_with_a_hook_is_called_once_and_means_what_the_hook_says():
    torch.manual_seed(0)
    block, x, calls = DecoderBlock(16, 2), torch.randn(1, 4, 16), []

    def halved(module, given, result):
        calls.append(module)
        return result / 2

    block.feed_forward_norm.register_forward_hook(halved)
    ours = learned(block, x)
    assert len(calls) == 1
    block.feed_forward_norm._forward_hooks.clear()
    with torch.no_grad():
        block.feed_forward_norm.weight /= 2
        block.feed_forward_norm.bias /= 2
    torch.testing.assert_close(ours[0], learned(block, x)[0])


def test_a_value_that_a_part_changes_in_place_is_an_error():
    norm, x = LayerNorm(4), torch.randn(2, 4, requires_grad=True)

    def spoiled(y):
        z = y @ torch.eye(4)
        squared = z.square()
        z += 1  # square needs it as it was
        return squared

    with pytest.raises(RuntimeError, match="changed in place"):
        Residual("pre", norm, None, torch.nn.Identity())(x, spoiled).sum().backward()
