"""The module against torch's, with the same weights."""

import pytest
import torch
from torch import nn

from attention import (
    KeyValueCache,
    MultiHeadAttention,
    attend_reference,
    causal,
    contract,
    padding,
    split_heads,
)


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


N_EMBD, N_HEAD, T = 12, 6, 5


VARIANTS = {
    "grouped": {"n_kv_head": 2},
    "multi-query": {"n_kv_head": 1, "bias": False},
    "normed": {"query_key_norm": True},
    "rotated": {"rotate": lambda x, positions: turned(x, positions)},
    "biased": {"score_bias": lambda queries, keys: slopes(queries, keys)},
    "all": {
        "n_kv_head": 3,
        "query_key_norm": True,
        "rotate": lambda x, positions: turned(x, positions),
        "score_bias": lambda queries, keys: slopes(queries, keys),
    },
}


def turned(x, positions):
    """Each head's two channels as a complex number, turned by as many radians as its place says."""
    turn = torch.polar(torch.ones(()), positions[:, None, :, None].float()).to(torch.complex64)
    numbers = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(numbers * turn).flatten(-2).to(x.dtype)


def slopes(queries, keys):
    """The further, the less: a slope a head (as ALiBi has it)."""
    return -torch.arange(N_HEAD)[:, None, None] * (queries[:, None, :, None] - keys).abs() / N_HEAD


def layer(**options):
    made = MultiHeadAttention(N_EMBD, N_HEAD, **options)
    for weight in made.parameters():
        nn.init.normal_(weight, std=0.4)
    return made


def by_hand(made, x, mask):
    """The layer, step by step, with the readable equation."""
    width = made.n_kv_head * 2
    q, k, v = made.qkv(x).split([N_EMBD, width, width], -1)
    q, k, v = split_heads(q, N_HEAD), split_heads(k, made.n_kv_head), split_heads(v, made.n_kv_head)
    if made.query_norm is not None:
        q, k = (norm.weight * y / (y.square().mean(-1, keepdim=True) + 1e-6).sqrt()
                for norm, y in ((made.query_norm, q), (made.key_norm, k)))  # fmt: skip
    places = torch.arange(x.shape[1])[None]
    if made.rotate:
        q, k = turned(q, places), turned(k, places)
    bias = slopes(places, places[0]) if made.score_bias else None
    output, weights = attend_reference(q, k, v, mask.dense(len(x), x.shape[1], x.shape[1]), bias)
    return made.out(output.transpose(1, 2).flatten(2)), weights


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_the_equation_with_its_steps(name):
    made, x = layer(**VARIANTS[name]), torch.randn(2, T, N_EMBD)
    for mask in (causal(), padding(torch.tensor([2, 5]))):
        expected, weights = by_hand(made, x, mask)
        torch.testing.assert_close(made(x, mask), expected)
        torch.testing.assert_close(made.attend_maps(x, mask), weights)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("sizes", [[5], [1] * 5, [2, 3]], ids=str)
def test_a_variant_in_steps_gives_what_the_whole_gives(name, sizes):
    made, x = layer(**VARIANTS[name]), torch.randn(2, T, N_EMBD)
    cache, outputs = KeyValueCache(1, 2, made.n_kv_head, T, 2), []
    with torch.no_grad():
        for chunk in x.split(sizes, dim=1):
            outputs.append(made(chunk, cache=cache.layer(0)))
            cache.advance(chunk.shape[1])
    torch.testing.assert_close(torch.cat(outputs, dim=1), made(x, causal()), atol=1e-5, rtol=1e-5)


def test_ragged_rows_are_turned_by_their_own_places():
    made, x, token = layer(**VARIANTS["rotated"]), torch.randn(2, T, N_EMBD), torch.randn(2, 1, N_EMBD)
    cache, lengths = KeyValueCache(1, 2, N_HEAD, T + 1, 2), torch.tensor([2, 5])
    with torch.no_grad():
        made(x, cache=cache.layer(0))
        cache.advance(T, lengths)
        output = made(token, cache=cache.layer(0))
    for r, n in enumerate(lengths):
        alone = made(torch.cat([x[r, :n], token[r]])[None], causal())[0, -1:]
        torch.testing.assert_close(output[r], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["grouped", "multi-query", "normed"])
def test_variants_without_places_keep_every_claim(name):
    assert "steps give what the whole gives" in contract.check(MultiHeadAttention(N_EMBD, N_HEAD, **VARIANTS[name]))


@pytest.mark.parametrize("masked", [False, True])
def test_cross_attention_is_torch_s_with_gradients(masked):
    ours = layer().double()
    theirs = nn.MultiheadAttention(N_EMBD, N_HEAD, batch_first=True).double()
    parts = {"in_proj_": ours.qkv, "out_proj.": ours.out}
    theirs.load_state_dict({n + key: value for n, part in parts.items() for key, value in part.state_dict().items()})
    x, source = (torch.randn(2, n, N_EMBD, dtype=torch.float64, requires_grad=True) for n in (3, 7))
    lengths = torch.tensor([4, 7])
    hidden = torch.arange(7) >= lengths[:, None] if masked else None
    output = ours(x, padding(lengths) if masked else None, source=source)
    expected, weights = theirs(x, source, source, key_padding_mask=hidden, average_attn_weights=False)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(ours.attend_maps(x, padding(lengths) if masked else None, source=source), weights)
    upstream = torch.randn_like(output)
    wanted = torch.autograd.grad(expected, (x, source, theirs.in_proj_weight, theirs.in_proj_bias), upstream)
    for a, b in zip(torch.autograd.grad(output, (x, source, *ours.qkv.parameters()), upstream), wanted, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", ["grouped", "normed"])
def test_a_source_can_be_projected_once(name):
    made, x, source = layer(**VARIANTS[name]), torch.randn(2, 3, N_EMBD), torch.randn(2, 7, N_EMBD)
    torch.testing.assert_close(made(x, source=made.keys_values(source)), made(x, source=source))
    torch.testing.assert_close(made(x, causal(), source=x), made(x, causal()))


def test_asking_for_maps_changes_nothing():
    made, x = layer(), torch.randn(2, T, N_EMBD)
    before = made(x, causal())
    maps = made.attend_maps(x, causal())
    assert torch.equal(made(x, causal()), before)
    torch.testing.assert_close(maps.sum(-1), torch.ones(2, N_HEAD, T))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MultiHeadAttention(12, 6, n_kv_head=4), r"n_kv_head that divides n_head; got n_head=6, n_kv_head=4"),
        (lambda: MultiHeadAttention(12, 6, n_kv_head=0), r"n_kv_head=0"),
        (lambda: layer()(torch.zeros(1, 2, 12), source=torch.zeros(1, 2, 8)), r"source of .*; got \[1, 2, 8\]; make"),
        (lambda: layer()(torch.zeros(2, 12)), r"x of shape \[B, T, 12\]; got \[2, 12\]"),
        (
            lambda: layer()(
                torch.zeros(1, 1, 12), cache=KeyValueCache(1, 1, 6, 2, 2).layer(0), source=torch.zeros(1, 2, 12)
            ),
            r"either a cache or a source; got both; keep",
        ),
    ],
)
def test_variants_that_cannot_be_are_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message):
        call()
