"""How weights begin, told from how they are distributed."""

import pytest
import torch
from torch import nn

from transformer import (
    CrossStack,
    DecoderBlock,
    DecoderStack,
    EncoderDecoder,
    EncoderStack,
    draw,
    initial_distributions,
    initialise,
    zero_outputs,
)

C, H, N = 96, 4, 8


def is_normal(weight, deviation):
    """Mean 0, the deviation wanted, and the shares within one and two of it that a normal distribution has: each within
    six standard errors of as many draws."""
    n, spread = weight.numel(), weight.flatten() / deviation
    wanted = {"mean": (spread.mean(), 0.0, 1.0), "deviation": (spread.square().mean(), 1.0, 2**0.5)}
    for k, share in ((1, 0.6827), (2, 0.9545)):
        wanted[f"within {k}"] = ((spread.abs() < k).float().mean(), share, (share * (1 - share)) ** 0.5)
    far = {name: float(got) for name, (got, want, error) in wanted.items() if abs(got - want) > 6 * error / n**0.5}
    assert not far, far


def test_gpt_2_s_rule_scales_what_writes_to_the_stream():
    stack = DecoderStack(N, C, H)
    initialise(stack)
    smaller = 0.02 / (2 * N) ** 0.5
    for block in stack.blocks:
        for layer in (block.attention.qkv, block.feed_forward.up):
            is_normal(layer.weight.detach(), 0.02)
        for layer in (block.attention.out, block.feed_forward.down):
            is_normal(layer.weight.detach(), smaller)
    for name, weight in stack.named_parameters():
        if weight.ndim == 1:
            assert (weight == (0.0 if name.endswith("bias") else 1.0)).all(), name


def test_blocks_that_look_at_a_source_write_three_times():
    model = EncoderDecoder(N, C, H)
    initialise(model, deviation=0.1)
    is_normal(model.encoder.blocks[0].attention.out.weight.detach(), 0.1 / (2 * N) ** 0.5)
    block = model.decoder.blocks[-1]
    for layer in (block.attention.out, block.cross_attention.out, block.feed_forward.down):
        is_normal(layer.weight.detach(), 0.1 / (3 * N) ** 0.5)


def test_a_block_alone_writes_twice_and_embeddings_around_it_do_not_count():
    model = nn.Sequential(nn.Embedding(300, C), DecoderBlock(C, H), nn.Linear(C, 300))
    initialise(model)
    is_normal(model[0].weight.detach(), 0.02)
    is_normal(model[1].attention.out.weight.detach(), 0.02 / 2**0.5)
    is_normal(model[2].weight.detach(), 0.02)
    assert (model[2].bias == 0).all()


def test_the_stream_grows_no_more_in_a_deep_stack_than_in_a_shallow_one():
    x, grown = torch.randn(4, 16, C), []
    for n in (2, 32):
        stack = DecoderStack(n, C, H)
        initialise(stack)
        grown.append((stack(x) - x).std().item())
    assert 0.7 < grown[1] / grown[0] < 1.4


def test_a_generator_decides_what_is_drawn():
    one, two = DecoderStack(2, 8, 2), DecoderStack(2, 8, 2)
    for stack in (one, two):
        initialise(stack, generator=torch.Generator().manual_seed(3))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


@pytest.mark.parametrize("wiring", ["pre", "sandwich", "parallel"])
def test_with_zero_outputs_a_stack_begins_as_nothing_and_yet_learns(wiring):
    stack, x = EncoderStack(3, 8, 2, wiring=wiring), torch.randn(2, 5, 8)
    initialise(stack)
    zero_outputs(stack)
    assert torch.equal(stack(x), x)
    stack(x).square().sum().backward()
    name = "attention_norm_after.bias" if wiring == "sandwich" else "attention.out.weight"
    assert stack.get_parameter(f"blocks.0.{name}").grad.abs().max() > 0


def test_with_zero_outputs_a_source_is_not_heard_at_first():
    stack, x, source = CrossStack(2, 8, 2), torch.randn(2, 5, 8), torch.randn(2, 7, 8)
    zero_outputs(stack)
    assert torch.equal(stack(x, source), x)


def test_a_deviation_of_nothing_is_refused_with_what_to_do(unchecked):
    with pytest.raises(ValueError, match=r"a deviation above 0; got 0.0; call zero_outputs"):
        initialise(DecoderBlock(8, 2), deviation=0.0)


class Table(nn.Module):
    """A lookup of a class that nobody here knows."""

    def __init__(self, n_rows: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((n_rows, C), 7.0))


class Model(nn.Module):
    """Tables, a stack and a tied head around it."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places, self.unknown = Table(300), Table(200), Table(2)
        self.stack, self.head = DecoderStack(2, C, H), nn.Linear(C, 300, bias=False)
        self.head.weight = self.tokens.weight

    def initialise(self, generator):
        initialise(self, tables={self.tokens: 0.02, self.places: 0.01}, generator=generator)


def test_tables_of_other_classes_are_drawn_with_the_deviation_given():
    model = Model()
    model.initialise(None)
    is_normal(model.tokens.weight.detach(), 0.02)
    is_normal(model.places.weight.detach(), 0.01)
    assert (model.unknown.weight == 7.0).all()


def test_weights_drawn_one_by_one_are_those_drawn_at_once():
    """What a model in shards relies on: the same order, and a tied weight drawn once."""
    model = Model()
    model.initialise(torch.Generator().manual_seed(3))
    numbers, other = torch.Generator().manual_seed(3), Model()
    for parameter, mean, deviation in initial_distributions(other, tables={other.tokens: 0.02, other.places: 0.01}):
        full = torch.empty(parameter.shape)
        draw(full, mean, deviation, numbers)
        parameter.data = full
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_parameters_are_drawn_in_the_order_in_which_a_model_names_them():
    model = Model()
    order = [id(each) for each, *_ in initial_distributions(model, tables={model.tokens: 1.0, model.places: 1.0})]
    assert order == [id(each) for each in model.parameters() if each is not model.unknown.weight]
