"""Stacks: their blocks in turn, with a cache as without, recomputed or kept."""

import pytest
import torch

from attention import KeyValueCache, padding
from transformer import (
    CrossStack,
    DecoderStack,
    EncoderStack,
)

C, H, B, T, S = 8, 2, 2, 5, 7


def randomized(module):
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return module


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


def test_a_stack_is_its_blocks_in_turn():
    stack, x = DecoderStack(3, 8, 2), torch.randn(2, 4, 8)
    expected = stack.blocks[2](stack.blocks[1](stack.blocks[0](x)))
    torch.testing.assert_close(stack(x), expected)


@pytest.mark.parametrize("sizes", [[6], [1] * 6, [2, 3, 1]], ids=str)
def test_a_stack_with_a_cache_gives_what_it_gives_without(sizes):
    stack, x = randomized(DecoderStack(2, 8, 2)), torch.randn(3, 6, 8)
    cache, outputs = KeyValueCache(2, 3, 2, 6, 4), []
    with torch.inference_mode():
        for chunk in x.split(sizes, dim=1):
            outputs.append(stack(chunk, cache))
            cache.advance(chunk.shape[1])
        torch.testing.assert_close(torch.cat(outputs, dim=1), stack(x), atol=1e-5, rtol=1e-5)


def test_ragged_rows_with_a_cache_give_what_each_gives_alone():
    stack, cache = randomized(DecoderStack(2, 8, 2)), KeyValueCache(2, 3, 2, 9, 4)
    x, lengths, token = torch.randn(3, 5, 8), torch.tensor([2, 5, 0]), torch.randn(3, 1, 8)
    with torch.inference_mode():
        stack(x, cache)
        cache.advance(5, lengths)
        output = stack(token, cache)
        for r, n in enumerate(lengths):
            alone = stack(torch.cat([x[r, :n], token[r]])[None])[0, -1:]
            torch.testing.assert_close(output[r], alone, atol=1e-5, rtol=1e-5)
