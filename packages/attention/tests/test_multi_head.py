"""The module against torch's, with the same weights."""

import pytest
import torch

from attention import MultiHeadAttention, causal, merge_heads, padding, split_heads


def pair(n_embd=12, n_head=3, bias=True):
    """Our layer and torch's, in float64, with one set of random weights."""
    ours = MultiHeadAttention(n_embd, n_head, bias=bias).double()
    theirs = torch.nn.MultiheadAttention(n_embd, n_head, bias=bias, batch_first=True).double()
    for parameter in ours.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    names = {"in_proj_": ours.qkv, "out_proj.": ours.out}
    state = {name + part: value for name, layer in names.items() for part, value in layer.state_dict().items()}
    theirs.load_state_dict(state)
    return ours, theirs


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("masked", ["nothing", "causal", "padding"])
def test_output_and_gradients_are_those_of_torch(masked, bias):
    ours, theirs = pair(bias=bias)
    x = torch.randn(2, 5, 12, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([3, 5])
    mask = {"nothing": None, "causal": causal(), "padding": padding(lengths)}[masked]
    hidden = {
        "nothing": {},
        "causal": {"attn_mask": torch.ones(5, 5, dtype=torch.bool).triu(1)},
        "padding": {"key_padding_mask": torch.arange(5) >= lengths[:, None]},
    }[masked]
    out, expected = ours(x, mask), theirs(x, x, x, need_weights=False, **hidden)[0]
    torch.testing.assert_close(out, expected)
    upstream = torch.randn_like(out)
    grads = torch.autograd.grad(out, (x, *ours.parameters()), upstream)
    expected_grads = torch.autograd.grad(expected, (x, *theirs.parameters()), upstream)
    ours_by_name = dict(zip(["x", *(n for n, _ in ours.named_parameters())], grads, strict=True))
    names = {"in_proj_weight": "qkv.weight", "in_proj_bias": "qkv.bias"}
    for name, grad in zip(["x", *(n for n, _ in theirs.named_parameters())], expected_grads, strict=True):
        torch.testing.assert_close(ours_by_name[names.get(name, name.replace("out_proj", "out"))], grad)


def test_future_tokens_change_nothing():
    layer = MultiHeadAttention(8, 2)
    x = torch.randn(2, 6, 8)
    changed = x.clone()
    changed[:, 4:] = 100 * torch.randn(2, 2, 8)
    torch.testing.assert_close(layer(changed, causal())[:, :4], layer(x, causal())[:, :4])


def test_padding_on_the_right_leaks_nothing_into_a_causal_layer():
    layer = MultiHeadAttention(8, 2)
    row, padded = torch.randn(1, 3, 8), 100 * torch.randn(2, 5, 8)
    padded[0, :3] = row
    torch.testing.assert_close(layer(padded, causal())[:1, :3], layer(row, causal()))


def test_padded_keys_are_not_seen_by_an_unordered_layer():
    layer = MultiHeadAttention(8, 2)
    row, padded = torch.randn(1, 3, 8), 100 * torch.randn(2, 5, 8)
    padded[0, :3] = row
    torch.testing.assert_close(layer(padded, padding(torch.tensor([3, 5])))[:1, :3], layer(row))


def test_a_causal_layer_makes_no_mask(kernel_calls):
    MultiHeadAttention(8, 2)(torch.randn(2, 6, 8), causal())
    assert kernel_calls == [{"is_causal": True, "dropout_p": 0.0}]


def test_heads_are_cut_and_joined_without_a_copy():
    x = torch.randn(2, 5, 12)
    heads = split_heads(x, 3)
    assert heads.shape == (2, 3, 5, 4)
    torch.testing.assert_close(heads[:, 1], x[..., 4:8])
    joined = merge_heads(heads)
    assert torch.equal(joined, x)
    assert joined.data_ptr() == x.data_ptr()


def test_dropout_acts_while_training_only():
    layer = MultiHeadAttention(8, 2, dropout=0.5)
    x = torch.randn(1, 4, 8)
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MultiHeadAttention(10, 3), r"n_head divides; got n_embd=10, n_head=3; choose"),
        (lambda: MultiHeadAttention(10, 0), r"got n_embd=10, n_head=0"),
        (lambda: MultiHeadAttention(8, 2, dropout=1.0), r"dropout from 0 to below 1; got 1.0; pass"),
        (lambda: MultiHeadAttention(8, 2)(torch.zeros(1, 2, 6)), r"\[B, T, 8\]; got \[1, 2, 6\]; make"),
        (lambda: split_heads(torch.zeros(1, 2, 6), 4), r"n_head=4 heads divide; got 6 channels in shape \[1, 2, 6\]"),
        (
            lambda: MultiHeadAttention(8, 2)(torch.zeros(3, 2, 8), padding(torch.tensor([1, 2]))),
            r"batch of 3 rows; got padding",
        ),
    ],
)
def test_bad_input_is_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message):
        call()
