"""All blocks in one call give what the blocks give one by one, whatever the cache holds."""

import copy
import io

import pytest
import torch
from torch import nn

from attention import KeyValueCache
from transformer import DecoderStack, FeedForward
from transformer.kernels import fused
from transformer.kernels.fused import FusedDecoder, PreparedStack, fuse, with_fused_steps


@pytest.fixture
def calls(instructions, monkeypatch):
    """How often the blocks ran as one call."""
    monkeypatch.setattr(fused, "MOST_FLOAT_TOKENS", 10**6)  # from which torch takes over
    made, original = [], PreparedStack.__call__
    monkeypatch.setattr(PreparedStack, "__call__", lambda *given: made.append(1) or original(*given))
    return made


class Model(nn.Module):
    def __init__(self, n_embd=64, n_head=4, **parts):
        super().__init__()
        self.stack = DecoderStack(3, n_embd, n_head, **parts)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.add_(torch.randn(parameter.shape) * 0.05)
        self.eval()

    def forward(self, x, cache=None):
        return self.stack(x, cache)


def steps(model, rows=((5, 4, 7), (1, 1, 1), (12, 3, 1), (1, 1, 1))):
    """The stream behind ragged prompts, single tokens and more, into one cache; each row up to its length."""
    attention, draws = model.stack.blocks[0].attention, torch.Generator().manual_seed(0)
    cache = KeyValueCache(3, 3, attention.n_head, 40, attention.head_size)
    for lengths in rows:
        x = torch.randn(3, max(lengths), attention.n_embd, generator=draws)
        y = model(x, cache)
        cache.advance(max(lengths), torch.tensor(lengths))
        yield from (row[:length] for row, length in zip(y, lengths, strict=True))


def stream(model):
    return torch.cat(list(steps(model)))


@torch.inference_mode()
@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh"])
@pytest.mark.parametrize("shape", [(64, 4), (128, 2), (96, 1)], ids=str)
def test_ragged_rows_and_long_prompts_are_those_of_single_blocks(calls, shape, activation):
    model = Model(*shape, feed_forward=lambda n: FeedForward(n, activation=activation))
    wanted = stream(model)
    assert not calls
    assert (stream(with_fused_steps(model)) - wanted).abs().max() < 1e-5 * wanted.abs().max()
    assert len(calls) == 4


@torch.inference_mode()
def test_many_tokens_go_block_by_block_as_torch_is_faster(calls, monkeypatch):
    monkeypatch.setattr(fused, "MOST_FLOAT_TOKENS", 35)  # the step of three rows with 12 tokens has one more
    model = Model()
    assert torch.allclose(stream(with_fused_steps(model)), stream(model), atol=1e-5)
    assert len(calls) == 3


@torch.inference_mode()
def test_a_view_shares_everything_and_leaves_the_model_as_it_is(calls):
    model = Model()
    view = with_fused_steps(model)
    assert type(model.stack) is DecoderStack
    assert type(view.stack) is FusedDecoder
    assert dict(view.named_parameters()).keys() == dict(model.named_parameters()).keys()
    assert all(ours is theirs for ours, theirs in zip(view.parameters(), model.parameters(), strict=True))
    model.stack.blocks[0].feed_forward.up.weight.mul_(-1)
    assert torch.allclose(stream(view), stream(model), atol=1e-5)
    model.stack.blocks[1].feed_forward.up = nn.Linear(64, 256)
    assert torch.allclose(stream(view), stream(model), atol=1e-5)
    model.stack.blocks[1].attention.out.weight = nn.Parameter(torch.randn(64, 64))
    assert torch.allclose(stream(view), stream(model), atol=1e-5)
    assert len(calls) == 12
    rotated = Model()
    rotated.stack.blocks[0].attention.rotate = lambda x, positions: x
    assert with_fused_steps(rotated) is rotated
    assert with_fused_steps(plain := nn.Linear(2, 2)) is plain


@torch.inference_mode()
@pytest.mark.parametrize("where", ["stack", "blocks.1", "blocks.1.feed_forward.up"])
def test_hooks_and_forwards_that_somebody_put_in_are_called(calls, where):
    model, seen = Model(), []
    view, watched = with_fused_steps(model), model.stack.get_submodule(where.removeprefix("stack"))
    handle = watched.register_forward_hook(lambda *given: seen.append(1))
    wanted = stream(view)
    assert len(seen) == 4
    assert len(calls) == (4 if where == "stack" else 0)
    handle.remove()
    calls.clear()
    if where != "stack":
        original = watched.forward
        watched.forward = lambda *given, **named: seen.append(1) or original(*given, **named)
        assert torch.equal(stream(view), wanted)
        assert (len(seen), calls) == (8, [])
        del watched.forward
        everywhere = nn.modules.module.register_module_forward_hook(lambda *given: seen.append(1))
        stream(view)
        everywhere.remove()
        assert len(seen) > 100
        assert not calls
    assert torch.allclose(stream(view), wanted, atol=1e-5)
    assert len(calls) == 4


def test_training_gradients_other_numbers_and_full_caches_go_block_by_block(calls):
    model = Model()
    view, x = with_fused_steps(model), torch.randn(1, 3, 64)
    with pytest.raises(ValueError, match="wanted keys without a gradient"):
        view(x, KeyValueCache(3, 1, 4, 8, 16))
    with torch.inference_mode():
        view.train()
        view(x, KeyValueCache(3, 1, 4, 8, 16))
        view.eval()
        view(x)
        half = copy.deepcopy(model).bfloat16()
        with_fused_steps(half)(x.bfloat16(), KeyValueCache(3, 1, 4, 8, 16, dtype=torch.bfloat16))
        assert not calls
        with pytest.raises(ValueError, match="wanted at most 2 more tokens; got 3"):
            view(x, KeyValueCache(3, 1, 4, 2, 16))
        view(x, KeyValueCache(3, 1, 4, 8, 16))
    assert len(calls) == 1


@torch.inference_mode()
def test_copies_and_files_of_torch_hold_no_addresses(calls):
    stack = fuse(nn.ModuleDict({"stack": Model().stack}))["stack"]
    model = Model()
    model.stack = stack
    wanted = stream(model)
    assert torch.equal(stream(copy.deepcopy(model)), wanted)
    file = io.BytesIO()
    torch.save(stack, file)
    file.seek(0)
    model.stack = torch.load(file, weights_only=False)
    assert torch.equal(stream(model), wanted)


def test_stacks_of_another_kind_stay_as_they_are():
    for parts in ({"wiring": "parallel"}, {"wiring": "post"}):
        model = nn.ModuleDict({"stack": DecoderStack(2, 32, 4, **parts)})
        assert type(fuse(model)["stack"]) is DecoderStack
        assert with_fused_steps(model) is model
    assert type(fuse(nn.ModuleDict({"stack": DecoderStack(2, 32, 4)}))["stack"]) is FusedDecoder
