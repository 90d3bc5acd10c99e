"""A cache in eight bits stays close to the whole, and a grown one is the same cache with more room."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from attention import KeyValueCache, MultiHeadAttention, causal

N_EMBD, N_HEAD = 8, 2
DTYPES = [torch.float32, torch.int8]


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


def made(dtype, batch=3, length=5):
    return MultiHeadAttention(N_EMBD, N_HEAD), KeyValueCache(1, batch, N_HEAD, length, N_EMBD // N_HEAD, dtype=dtype)


@settings(deadline=None)
@given(st.integers(0, 3), st.lists(st.floats(-1e4, 1e4, width=32), min_size=4, max_size=4))
def test_eight_bits_are_off_by_half_a_step_at_most(zeros, numbers):
    numbers[:zeros] = [0.0] * zeros
    k = torch.tensor(numbers)[None, None, None]
    keys, values = KeyValueCache(1, 1, 1, 2, 4, dtype=torch.int8).layer(0).write(k, -k)
    allowed = k.abs().max() / 254 * 1.0001 + 1e-37  # below that float32 has no full precision
    assert bool(((keys - k).abs() <= allowed).all())
    assert torch.equal(values, -keys)


def test_eight_bits_keep_the_sign_of_the_smallest_numbers():
    k = torch.tensor([0.0, 0.0, 0.0, 1.793662034335766e-43])[None, None, None]
    keys, values = KeyValueCache(1, 1, 1, 2, 4, dtype=torch.int8).layer(0).write(k, -k)
    assert float(keys[..., 3]) >= 0 >= float(values[..., 3])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_eight_bits_give_back_the_type_that_came(dtype):
    k = torch.randn(1, 1, 2, 4).to(dtype)
    keys, _ = KeyValueCache(1, 1, 1, 2, 4, dtype=torch.int8).layer(0).write(k, k)
    assert keys.dtype == dtype


def test_eight_bits_take_less_than_a_third_of_the_memory():
    def size(dtype):
        cache = KeyValueCache(2, 1, 12, 100, 64, dtype=dtype)
        return sum(x.nbytes for x in (*cache.keys, *cache.values, *cache.key_scales, *cache.value_scales))

    assert size(torch.int8) < size(torch.float32) / 3


def ragged(dtype, length):
    """A cache of rows with 2, 5 and 3 tokens, and these rows."""
    layer, cache = made(dtype, length=length)
    x, lengths = torch.randn(3, 5, N_EMBD), torch.tensor([2, 5, 3])
    layer(x, cache=cache.layer(0))
    cache.advance(5, lengths)
    return layer, cache, [row[:n] for row, n in zip(x, lengths, strict=True)]


def next_token_agrees(layer, cache, rows, tolerance):
    token = torch.randn(len(rows), 1, N_EMBD)
    output = layer(token, cache=cache.layer(0))
    for r, row in enumerate(rows):
        alone = layer(torch.cat([row, token[r]])[None], causal())[0, -1:]
        torch.testing.assert_close(output[r], alone, atol=tolerance, rtol=0)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.int8, 0.02)])
def test_a_grown_cache_goes_on_where_it_was(dtype, tolerance):
    layer, cache, rows = ragged(dtype, length=5)
    with pytest.raises(ValueError, match="at most 0 more tokens; got 1"):
        layer(torch.randn(3, 1, N_EMBD), cache=cache.layer(0))
    cache.grow(9)
    assert cache.length == 9
    next_token_agrees(layer, cache, rows, tolerance)


@pytest.mark.parametrize("chosen", [[2, 0, 1], [1, 1, 0], [0], [0, 0, 1, 2, 2]], ids=str)
def test_in_eight_bits_too_selected_rows_go_on_as_themselves(chosen):
    layer, cache, rows = ragged(torch.int8, length=8)
    cache.select(torch.tensor(chosen))
    next_token_agrees(layer, cache, [rows[r] for r in chosen], 0.02)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_cache_does_not_shrink(dtype):
    with pytest.raises(ValueError, match=r"at least the 5 tokens .*; got 4; a cache only grows"):
        made(dtype)[1].grow(4)
