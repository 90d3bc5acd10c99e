"""Every fast path equals the reference, forwards and backwards, and is taken where it should be."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from attention import attend, attend_reference, causal, padding

B, H, T, S, D = 2, 3, 5, 7, 4
LENGTHS = torch.tensor([2, 5])
POSITIONS = torch.tensor([[2, 3, 4, 5, 6], [0, 1, 2, 3, 4]])
TRIANGLE = torch.ones(T, T, dtype=torch.bool).tril()

# name: (number of keys, arguments of attend, the same as a bool tensor)
PATHS = {
    "everything": (S, {}, None),
    "causal flag": (T, {"mask": causal()}, TRIANGLE),
    "causal, fewer queries": (S, {"mask": causal()}, causal().dense(1, T, S)),
    "causal with offsets": (S, {"mask": causal(), "query_positions": POSITIONS}, causal().dense(B, POSITIONS, S)),
    "causal, all visible": (S, {"mask": causal(), "query_positions": POSITIONS + S}, None),
    "padding": (T, {"mask": padding(LENGTHS)}, padding(LENGTHS).dense(B, T, T)),
    "causal and padding": (T, {"mask": causal() & padding(LENGTHS)}, TRIANGLE & padding(LENGTHS).dense(B, T, T)),
    "two dimensions": (T, {"mask": TRIANGLE}, TRIANGLE),
    "one mask a head": (T, {"mask": TRIANGLE.expand(H, T, T)}, TRIANGLE),
    "one row for all": (S, {"mask": torch.arange(S)[None] < 4}, torch.arange(S)[None].expand(T, S) < 4),
    "rows that see nothing": (T, {"mask": ~padding(LENGTHS) & causal()}, ~padding(LENGTHS).dense(B, T, T) & TRIANGLE),
}


def qkv(keys, dtype=torch.float64):
    return [torch.randn(B, H, n, D, dtype=dtype, requires_grad=True) for n in (T, keys, keys)]


@pytest.mark.parametrize(("keys", "arguments", "visible"), PATHS.values(), ids=PATHS)
def test_output_and_gradients_are_those_of_the_reference(keys, arguments, visible):
    q, k, v = qkv(keys)
    fast, (readable, _) = attend(q, k, v, **arguments), attend_reference(q, k, v, visible)
    torch.testing.assert_close(fast, readable)
    upstream = torch.randn_like(fast)
    for a, b in zip(*(torch.autograd.grad(out, (q, k, v), upstream) for out in (fast, readable)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("kernel", [SDPBackend.MATH, SDPBackend.FLASH_ATTENTION], ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_query_that_sees_nothing_gives_zeros_on_every_kernel(kernel, dtype):
    q, k, v = qkv(T, dtype)
    with sdpa_kernel(kernel):
        output = attend(q, k, v, padding(torch.tensor([0, 3])))
        output.sum().backward()
    assert not output[0].any()
    assert output[1].any()
    assert not any(x.grad[0].any() for x in (q, k, v))
    assert all(x.grad.isfinite().all() for x in (q, k, v))


@pytest.mark.parametrize("n_kv_head", [1, 2, 3, 6])
@pytest.mark.parametrize("masked", ["nothing", "causal", "padding"])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("queries", [T, 1])
def test_grouped_heads_and_biases_give_what_torch_gives(n_kv_head, masked, biased, queries):
    q = torch.randn(B, 6, queries, D, dtype=torch.float64, requires_grad=True)
    k, v = (torch.randn(B, n_kv_head, T, D, dtype=torch.float64, requires_grad=True) for _ in range(2))
    bias = torch.randn(6, queries, T, dtype=torch.float64) if biased else None
    mask = {"nothing": None, "causal": causal(), "padding": padding(LENGTHS)}[masked]
    visible = torch.ones(1, 1, queries, T, dtype=torch.bool) if mask is None else mask.dense(B, queries, T)
    given = torch.zeros(B, 6, queries, T, dtype=torch.float64) if bias is None else bias.expand(B, 6, queries, T)
    theirs = scaled_dot_product_attention(q, k, v, attn_mask=given.masked_fill(~visible, -torch.inf), enable_gqa=True)
    upstream = torch.randn_like(theirs)
    wanted = torch.autograd.grad(theirs, (q, k, v), upstream)
    for ours in (attend(q, k, v, mask, bias=bias), attend_reference(q, k, v, visible, bias)[0]):
        torch.testing.assert_close(ours, theirs)
        for a, b in zip(torch.autograd.grad(ours, (q, k, v), upstream), wanted, strict=True):
            torch.testing.assert_close(a, b)


def test_with_a_bias_too_a_query_that_sees_nothing_gives_zeros():
    q, k, v = qkv(T)
    bias = torch.randn(T, T, dtype=torch.float64, requires_grad=True)
    output = attend(q, k, v, padding(torch.tensor([0, 3])), bias=bias)
    output.sum().backward()
    assert not output[0].any()
    assert not any(x.grad[0].any() for x in (q, k, v))
    assert bias.grad.isfinite().all()


def test_a_decoding_step_copies_no_grouped_key(kernel_calls, monkeypatch):
    q, (k, v) = torch.randn(B, 6, 1, D), torch.randn(2, B, 2, S, D)
    monkeypatch.setattr(torch.Tensor, "repeat_interleave", None)
    assert attend(q, k, v).shape == q.shape


def test_no_keys_at_all_give_zeros():
    q, k, v = qkv(0)
    assert not attend(q, k, v).any()


def test_large_scores_stay_finite_and_pick_the_largest():
    q, k, v = qkv(T, torch.float32)
    with torch.no_grad():
        output, weights = attend(1e4 * q, 1e4 * k, v, causal()), attend_reference(1e4 * q, 1e4 * k, v, TRIANGLE)[1]
    torch.testing.assert_close(output, v.gather(2, weights.argmax(-1)[..., None].expand(B, H, T, D)))


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("everything", {}),
        ("causal flag", {"is_causal": True}),
        ("causal, all visible", {}),
    ],
)
def test_no_mask_is_made_where_none_is_needed(kernel_calls, name, given):
    keys, arguments, _ = PATHS[name]
    attend(*qkv(keys), **arguments)
    assert kernel_calls == [{**given, "dropout_p": 0.0}]


def test_dropout_leaves_the_mean_where_it_was():
    ones = torch.ones(1, 1, 1, 1)
    shares = torch.stack([attend(ones, ones, ones, dropout=0.25) for _ in range(2000)])
    torch.testing.assert_close(shares.unique(), torch.tensor([0.0, 1 / 0.75]))
    assert abs(shares.mean() - 1) < 0.05


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (torch.zeros(T, S), TypeError, r"wanted a bool mask .*; got torch.float32; pass True"),
        (torch.zeros(T, S, dtype=torch.long), TypeError, r"got torch.int64"),
        ([[True] * S] * T, TypeError, r"got list; pass True"),
        (torch.ones(T, S + 1, dtype=torch.bool), ValueError, r"= \[2, 3, 5, 7\]; got shape \[5, 8\]; put size 1"),
        (torch.ones(3, 1, T, S, dtype=torch.bool), ValueError, r"got shape \[3, 1, 5, 7\]"),
        (torch.ones(S, dtype=torch.bool), ValueError, r"got shape \[7\]"),
        (torch.ones(1, B, H, T, S, dtype=torch.bool), ValueError, r"got shape \[1, 2, 3, 5, 7\]"),
    ],
    ids=["float", "integer", "list", "too many keys", "another batch", "one dimension", "five dimensions"],
)
def test_a_mask_of_the_wrong_kind_is_refused(unchecked, mask, error, message):
    with pytest.raises(error, match=message):
        attend(*qkv(S), mask)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: attend(*qkv(S)[:1], *torch.randn(2, B, 2, S, D).double()),
            r"\[2, 3, 5, 4\] and k \[2, 2, 7, 4\], 3 over 2",
        ),
        (lambda: attend_reference(*qkv(S)[:1], *torch.randn(2, B, 2, S, D).double()), r"3 over 2 heads; choose"),
        (
            lambda: attend(*qkv(S), bias=torch.zeros(T, S + 1)),
            r"a bias that .*= \[2, 3, 5, 7\]; got shape \[5, 8\]; put",
        ),
    ],
)
def test_heads_and_biases_that_do_not_fit_are_refused(unchecked, call, message):
    with pytest.raises(ValueError, match=message):
        call()
