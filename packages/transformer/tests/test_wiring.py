"""Wirings, stacks and recomputing: against the formulas written out, and in steps against the whole."""

from functools import partial

import pytest
import torch

from attention import KeyValueCache, MultiHeadAttention, causal, padding
from transformer import (
    CrossBlock,
    CrossStack,
    DecoderBlock,
    DecoderStack,
    EncoderBlock,
    EncoderDecoder,
    EncoderStack,
    FeedForward,
    RMSNorm,
    contract,
)

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


@pytest.mark.parametrize("wiring", ["pre", "post", "sandwich"])
def test_a_cross_stack_in_steps_gives_what_the_whole_gives(wiring):
    stack = randomized(CrossStack(2, C, H, wiring=wiring))
    x, source, mask = torch.randn(B, T, C), torch.randn(B, S, C), padding(torch.tensor([4, S]))
    cache, outputs = KeyValueCache(2, B, H, T, C // H), []
    with torch.no_grad():
        for chunk in x.split([2, 1, 2], dim=1):
            outputs.append(stack(chunk, source, cache, source_mask=mask))
            cache.advance(chunk.shape[1])
        whole = stack(x, source, source_mask=mask)
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("remembered", [False, True])
def test_an_encoder_decoder_writes_in_steps_what_it_writes_at_once(remembered):
    model, source, target = randomized(EncoderDecoder(2, C, H)), torch.randn(B, S, C), torch.randn(B, T, C)
    mask, cache, outputs = padding(torch.tensor([4, S])), KeyValueCache(2, B, H, T, C // H), []
    with torch.no_grad():
        encoded = model.encode(source, mask)
        read = model.remember(encoded) if remembered else encoded
        for token in target.split(1, dim=1):
            outputs.append(model.decode(token, read, mask, cache))
            cache.advance(1)
        whole = model(source, target, mask)
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole, atol=1e-4, rtol=1e-4)


def test_what_pads_the_source_changes_nothing():
    model, source, target = randomized(EncoderDecoder(2, C, H)), torch.randn(B, S, C), torch.randn(B, T, C)
    mask, other = padding(torch.tensor([4, S])), source.clone()
    other[0, 4:] = 100 * torch.randn(3, C)
    torch.testing.assert_close(model(other, target, mask), model(source, target, mask))


def test_an_encoder_sees_the_future_and_a_decoder_does_not():
    x = torch.randn(1, T, C)
    changed = torch.cat([x[:, :-1], torch.randn(1, 1, C)], dim=1)
    decoder, encoder = randomized(DecoderStack(2, C, H)), randomized(EncoderStack(2, C, H))
    torch.testing.assert_close(decoder(changed)[:, :-1], decoder(x)[:, :-1])
    assert not torch.allclose(encoder(changed)[:, :-1], encoder(x)[:, :-1])
    torch.testing.assert_close(encoder(changed, causal())[:, :-1], encoder(x, causal())[:, :-1])


@pytest.mark.parametrize("kind", [EncoderStack, DecoderStack, CrossStack])
def test_recomputing_keeps_less_and_gives_the_same_gradients(kind):
    given = [torch.randn(B, S, C)] if kind is CrossStack else []
    kept, recomputed = randomized(kind(3, C, H)), kind(3, C, H, recompute=True)
    recomputed.load_state_dict(kept.state_dict())
    x, slopes, saved = torch.randn(B, T, C, requires_grad=True), [], []
    for stack in (kept, recomputed):
        count = []

        def pack(tensor, count=count):
            count.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = stack(x, *given).square().sum()
        saved.append(sum(count))
        slopes.append(torch.autograd.grad(loss, [x, *stack.parameters()]))
    for a, b in zip(*slopes, strict=True):
        torch.testing.assert_close(a, b)
    assert saved[1] < saved[0] / 3


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
def test_bad_input_is_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message):
        call()
