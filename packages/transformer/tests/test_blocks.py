"""Blocks: against torch's, under any mask, and what is refused."""

import pytest
import torch

from attention import KeyValueCache, padding
from transformer import DecoderBlock, DecoderStack


def as_torch_layer(block, n_head):
    """`block` with its weights in torch.nn.TransformerEncoderLayer, which has the same pre-norm wiring."""
    n_embd = block.attention.n_embd
    theirs = torch.nn.TransformerEncoderLayer(
        n_embd,
        n_head,
        dim_feedforward=4 * n_embd,
        dropout=0.0,
        activation=torch.nn.GELU("tanh"),
        norm_first=True,
        batch_first=True,
    ).to(block.attention.qkv.weight)
    parts = {
        "self_attn.in_proj_": block.attention.qkv,
        "self_attn.out_proj.": block.attention.out,
        "norm1.": block.attention_norm,
        "norm2.": block.feed_forward_norm,
        "linear1.": block.feed_forward.up,
        "linear2.": block.feed_forward.down,
    }
    theirs.load_state_dict(
        {name + key: value for name, part in parts.items() for key, value in part.state_dict().items()}
    )
    return theirs


def randomized(module):
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return module


def test_a_block_is_torch_s_pre_norm_layer_with_a_causal_mask():
    ours = randomized(DecoderBlock(12, 3).double())
    theirs = as_torch_layer(ours, 3)
    x = torch.randn(2, 5, 12, dtype=torch.float64, requires_grad=True)
    out, expected = ours(x), theirs(x, src_mask=torch.ones(5, 5, dtype=torch.bool).triu(1))
    torch.testing.assert_close(out, expected)
    upstream = torch.randn_like(out)
    grads = torch.autograd.grad(out, (x, ours.attention.qkv.weight, ours.feed_forward.down.bias), upstream)
    expected = torch.autograd.grad(expected, (x, theirs.self_attn.in_proj_weight, theirs.linear2.bias), upstream)
    for grad, expected_grad in zip(grads, expected, strict=True):
        torch.testing.assert_close(grad, expected_grad)


def test_a_block_takes_any_mask():
    ours, lengths = randomized(DecoderBlock(12, 3)), torch.tensor([3, 5])
    expected = as_torch_layer(ours, 3)(
        x := torch.randn(2, 5, 12), src_key_padding_mask=torch.arange(5) >= lengths[:, None]
    )
    torch.testing.assert_close(ours(x, padding(lengths)), expected, atol=1e-5, rtol=1e-5)


def test_dropout_acts_while_training_only():
    block, x = DecoderBlock(8, 2, dropout=0.5), torch.randn(1, 4, 8)
    assert not torch.equal(block(x), block(x))
    block.eval()
    assert torch.equal(block(x), block(x))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DecoderStack(0, 8, 2), r"n_layer of at least 1; got 0; pass"),
        (lambda: DecoderBlock(8, 3), r"n_head divides; got n_embd=8, n_head=3; choose"),
        (lambda: DecoderBlock(8, 2)(torch.zeros(1, 3, 6)), r"\[..., 8\]; got \[1, 3, 6\]; make the layer"),
        (
            lambda: DecoderStack(2, 8, 2)(torch.zeros(1, 1, 8), KeyValueCache(3, 1, 2, 4, 4)),
            r"a cache of 2 layers; got one of 3; make the cache for this stack",
        ),
    ],
)
def test_bad_input_is_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message):
        call()
