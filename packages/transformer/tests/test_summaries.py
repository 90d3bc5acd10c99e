"""A summary against counting by hand, torch's counter, and what the graph of gradients really holds."""

from functools import partial

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from attention import MultiHeadAttention, padding
from transformer import (
    CrossBlock,
    CrossStack,
    DecoderBlock,
    DecoderStack,
    EncoderBlock,
    EncoderDecoder,
    FeedForward,
    RMSNorm,
    summary,
)

B, T, S, C, H = 2, 6, 5, 16, 4
FLOAT = 4  # bytes


def stream(length=T):
    return torch.randn(B, length, C)


def held_by_the_graph(output, module):
    """Bytes of all tensors that the nodes behind `output` keep, weights apart: asked of the nodes themselves."""
    storages, nodes, todo = {}, set(), [output.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in nodes:
            continue
        nodes.add(node)
        todo += [following for following, _ in node.next_functions]
        for name in dir(node):
            if name.startswith("_saved_") and isinstance(tensor := getattr(node, name), torch.Tensor):
                place = tensor.untyped_storage().data_ptr()
                if getattr(node, name).untyped_storage().data_ptr() == place:  # else it is computed for who asks
                    storages[place] = tensor.untyped_storage().nbytes()
    for weight in module.parameters():
        storages.pop(weight.untyped_storage().data_ptr(), None)
    return sum(storages.values())


@pytest.mark.parametrize("few", [True, False])
def test_a_block_costs_what_counting_by_hand_gives(monkeypatch, few):
    monkeypatch.setattr("transformer.feed_forward.KEPT", 4 * B * T * C - (not few))
    costs = summary(DecoderBlock(C, H), stream().requires_grad_())
    square, tokens = C * C, B * T
    assert costs.total.parameters == 12 * square + 13 * C
    assert costs.total.flops == 2 * 12 * square * tokens + 4 * B * T * T * C
    # x, q, k, v and what the heads say; half, and the hidden layer before its bend; after it where it is of few values.
    # Norms are computed again.
    kept = (1 + 3 + 1 + 1 + 4 + 4 * few) * tokens * C
    statistics = 2 * 2 * tokens + H * tokens  # mean and deviation of two norms, a softmax's sum for each head
    assert costs.total.activation_bytes == FLOAT * (kept + statistics)


def test_every_part_costs_what_counting_by_hand_gives():
    costs, tokens = summary(DecoderBlock(C, H), stream().requires_grad_()), B * T
    lines = {cost.name: (cost.parameters, cost.flops, cost.activation_bytes // FLOAT) for cost in costs.costs[1:]}
    assert lines == {
        "attention_norm": (2 * C, 0, tokens * C + 2 * tokens),
        "attention": (4 * C * C + 4 * C, 8 * C * C * tokens + 4 * B * T * T * C, 4 * tokens * C + H * tokens),
        "attention.qkv": (3 * C * C + 3 * C, 6 * C * C * tokens, 0),
        "attention.out": (C * C + C, 2 * C * C * tokens, 0),
        "feed_forward_norm": (2 * C, 0, tokens * C + 2 * tokens),
        "feed_forward": (8 * C * C + 5 * C, 16 * C * C * tokens, 8 * tokens * C),
        "feed_forward.up": (4 * C * C + 4 * C, 8 * C * C * tokens, 0),
        "feed_forward.down": (4 * C * C + C, 8 * C * C * tokens, 4 * tokens * C),
    }


MODERN = {
    "norm": RMSNorm,
    "attention": partial(MultiHeadAttention, n_kv_head=2, bias=False, query_key_norm=True),
    "feed_forward": partial(FeedForward, activation="swiglu", bias=False),
}
CASES = {
    "post": (lambda: EncoderBlock(C, H, wiring="post"), lambda: (stream(),)),
    "sandwich": (lambda: EncoderBlock(C, H, wiring="sandwich"), lambda: (stream(), padding(torch.tensor([3, T])))),
    "parallel": (lambda: DecoderBlock(C, H, wiring="parallel"), lambda: (stream(),)),
    "modern": (lambda: DecoderBlock(C, H, **MODERN), lambda: (stream(),)),
    "dropout": (lambda: DecoderStack(2, C, H, dropout=0.1), lambda: (stream(),)),
    "cross": (lambda: CrossBlock(C, H), lambda: (stream(), stream(S))),
    "both": (lambda: EncoderDecoder(2, C, H), lambda: (stream(S), stream(), padding(torch.tensor([3, S])))),
}


@pytest.mark.parametrize("case", CASES)
def test_a_summary_counts_the_operations_that_torch_counts(case):
    make, inputs = CASES[case]
    module, given = make(), inputs()
    with FlopCounterMode(display=False) as counter:
        module(*given)
    assert summary(module, *given).total.flops == counter.get_total_flops() > 0


@pytest.mark.parametrize("case", CASES)
def test_a_summary_counts_the_memory_that_the_graph_of_gradients_holds(case):
    make, inputs = CASES[case]
    module, given = make(), inputs()
    assert summary(module, *given).total.activation_bytes == held_by_the_graph(module(*given), module) > 0


def test_recomputing_keeps_what_goes_into_each_block_only():
    costs = summary(DecoderStack(3, C, H, recompute=True), stream())
    assert costs.total.activation_bytes == 3 * FLOAT * B * T * C


def test_a_stack_costs_its_blocks_and_a_line_is_found_by_its_name():
    costs = summary(CrossStack(3, C, H), stream(), stream(S), depth=1)
    blocks = [costs[f"blocks.{n}"] for n in range(3)]
    assert len(costs.costs) == 4
    assert sum(block.flops for block in blocks) == costs.total.flops
    assert sum(block.activation_bytes for block in blocks) == costs.total.activation_bytes
    with pytest.raises(KeyError, match=r"wanted a part of the summary, got 'blocks.3'; its parts are blocks.0"):
        costs["blocks.3"]


def test_a_summary_prints_a_table_with_a_line_for_each_part():
    lines = str(summary(DecoderStack(2, C, H), stream())).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[0].split("|")[1:3]] == ["part", "kind"]
    assert lines[2].split()[:6] == ["|", "whole", "|", "DecoderStack", "|", f"{2 * (12 * C * C + 13 * C):,}"]
    assert lines[4].startswith("|   blocks.0.attention_norm ")


def test_a_summary_leaves_the_module_and_the_random_state_as_they_were():
    module, x = DecoderBlock(C, H, dropout=0.5), stream()
    torch.manual_seed(1)
    expected = module(x)
    torch.manual_seed(1)
    summary(module, x)
    assert torch.equal(module(x), expected)
    assert not module._forward_hooks
    assert all(weight.grad is None for weight in module.parameters())
