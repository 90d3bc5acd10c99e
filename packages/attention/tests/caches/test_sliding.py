"""A cache that forgets against one that forgets nothing, under the mask of its window."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from attention import (
    KeyValueCache,
    MultiHeadAttention,
    SlidingKeyValueCache,
    causal,
    contract,
    documents,
    sliding_window,
)

C, H, D = 8, 2, 4
TOLERANCE = {"atol": 1e-5, "rtol": 0}


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


def made(batch, window, dtype=torch.float32, **options):
    torch.manual_seed(0)
    return MultiHeadAttention(C, H, **options).eval(), SlidingKeyValueCache(1, batch, H, window, D, dtype=dtype)


def feed(layer, cache, chunk, lengths=None, mask=None):
    output = layer(chunk, mask, cache.layer(0))
    cache.advance(chunk.shape[1], lengths)
    return output


def near_is_better(queries, keys):
    return -(queries[:, None, :, None] - keys).abs() * torch.tensor([0.5, 0.1])[:, None, None]


CALLS = st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=2), min_size=1, max_size=6)


@pytest.mark.parametrize("options", [{}, {"score_bias": near_is_better}], ids=["plain", "biased"])
@settings(deadline=None, max_examples=60)
@given(calls=CALLS, window=st.integers(1, 6), n_padding=st.integers(0, 2))
def test_a_ragged_row_gives_what_a_full_cache_gives_under_the_window(options, calls, window, n_padding):
    """Each call brings 0 to 5 real tokens a row, and padding on the right that must not matter."""
    layer, sliding = made(2, window, **options)
    full = KeyValueCache(1, 2, H, 60, D)
    for call in calls:
        width = max(*call, 1) + n_padding
        x = 100 * torch.randn(2, width, C)
        for r, count in enumerate(call):
            x[r, :count] /= 100
        expected = layer(x, causal() & sliding_window(window), full.layer(0))
        got = feed(layer, sliding, x, torch.tensor(call))
        full.advance(width, torch.tensor(call))
        for r, count in enumerate(call):
            torch.testing.assert_close(got[r, :count], expected[r, :count], **TOLERANCE)
    assert sliding.lengths.tolist() == full.lengths.tolist()


@pytest.mark.parametrize("sizes", [[30], [1] * 30, [7, 1, 1, 12, 1, 8]], ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.int8, 0.03)])
def test_chunks_give_what_the_whole_gives_under_the_window(sizes, dtype, tolerance):
    layer, cache = made(3, 4, dtype)
    x = torch.randn(3, 30, C)
    memory = [t.data_ptr() for t in cache.keys + cache.values]
    chunks = torch.cat([feed(layer, cache, chunk) for chunk in x.split(sizes, dim=1)], dim=1)
    torch.testing.assert_close(chunks, layer(x, causal() & sliding_window(4)), atol=tolerance, rtol=0)
    assert [t.data_ptr() for t in cache.keys + cache.values] == memory
    assert {t.shape for t in cache.keys + cache.values} == {(3, H, 4, D)}


@pytest.mark.parametrize("sizes", [[1] * 12, [5, 1, 1, 4, 1]], ids=str)
def test_a_further_rule_is_asked_with_places_in_the_row(sizes):
    layer, cache = made(2, 5)
    x, rule = torch.randn(2, 12, C), documents(torch.arange(24).view(2, 12) // 4)
    chunks = [feed(layer, cache, chunk, mask=rule) for chunk in x.split(sizes, dim=1)]
    expected = layer(x, causal() & sliding_window(5) & rule)
    torch.testing.assert_close(torch.cat(chunks, dim=1), expected, **TOLERANCE)


def test_a_window_that_nothing_leaves_keeps_every_claim_of_a_cache():
    layer = MultiHeadAttention(C, H)
    held = contract.check(layer, new_cache=lambda batch, length: SlidingKeyValueCache(1, batch, H, length, D))
    assert "rows of different lengths in a cache do not touch" in held


def test_equal_rows_take_no_mask_while_decoding(kernel_calls):
    layer, cache = made(2, 3)
    for size in (2, 1, 1, 1):
        feed(layer, cache, torch.randn(2, size, C))
    assert kernel_calls == [{"is_causal": True, "dropout_p": 0.0}, *[{"dropout_p": 0.0}] * 3]


def ragged(window=4):
    """A layer, and a cache of the rows returned: 3, 8 and 5 tokens long."""
    layer, cache = made(3, window)
    x, lengths = torch.randn(3, 8, C), torch.tensor([3, 8, 5])
    feed(layer, cache, x, lengths)
    return layer, cache, [row[:n] for row, n in zip(x, lengths, strict=True)]


def next_tokens_agree(layer, cache, rows, window=4, tokens=1):
    new = torch.randn(len(rows), tokens, C)
    output = feed(layer, cache, new)
    for r, row in enumerate(rows):
        alone = layer(torch.cat([row, new[r]])[None], causal() & sliding_window(window))[0, -tokens:]
        torch.testing.assert_close(output[r], alone, **TOLERANCE)


@pytest.mark.parametrize("tokens", [1, 3, 6])
@pytest.mark.parametrize("chosen", [[2, 0, 1], [1, 1, 0], [0], [0, 0, 1, 2, 2]], ids=str)
def test_selected_rows_go_on_as_themselves(chosen, tokens):
    layer, cache, rows = ragged()
    cache.select(torch.tensor(chosen))
    next_tokens_agree(layer, cache, [rows[r] for r in chosen], tokens=tokens)


@pytest.mark.parametrize("kept", [[1, 7, 4], [3, 8, 5], [0, 0, 0], [2, 0, 4]], ids=str)
def test_a_row_is_cut_as_far_as_its_window_is_still_held(kept):
    layer, cache, rows = ragged()
    cache.cut(torch.tensor(kept))
    next_tokens_agree(layer, cache, [row[:n] for row, n in zip(rows, kept, strict=True)])


def test_after_a_reset_the_cache_is_as_new():
    layer, cache, _ = ragged()
    cache.reset()
    next_tokens_agree(layer, cache, [torch.zeros(0, C)] * 3, tokens=6)


def test_a_call_that_was_not_advanced_leaves_no_trace():
    layer, cache, rows = ragged()
    layer(torch.randn(3, 3, C), cache=cache.layer(0))
    next_tokens_agree(layer, cache, rows)


def test_a_sliding_cache_made_in_inference_mode_can_be_used_outside_of_it():
    with torch.inference_mode():
        layer, cache, rows = ragged()
    next_tokens_agree(layer, cache, rows, tokens=2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ragged()[1].cut(3), ValueError, r"tokens are still held, .*\[0, 4, 1\] on; got \[3, 3, 3\]; say"),
        (lambda: ragged()[1].cut(torch.tensor([4, 8, 5])), ValueError, r"\[3, 8, 5\]; got \[4, 8, 5\]; a cache is"),
        (lambda: ragged()[1].cut(torch.tensor([1, 1])), ValueError, r"3 lengths, one a row; got shape \[2\]"),
        (lambda: ragged()[1].grow(9), ValueError, r"a window of 4 for good; got grow\(9\)"),
        (lambda: ragged()[1].advance(1, torch.tensor([2, 0, 0])), ValueError, r"from 0 to the 1 tokens"),
        (lambda: SlidingKeyValueCache(1, 1, 1, 0, 4), ValueError, r"sizes of at least 1; got .*length=0"),
        (
            lambda: feed(*ragged()[:2], torch.randn(3, 1, C), mask=torch.ones(1, 4, dtype=torch.bool)),
            TypeError,
            r"wanted a rule such as documents.*got a tensor of shape \[1, 4\]",
        ),
        (lambda: feed(*ragged()[:2], torch.randn(2, 1, C)), ValueError, r"B=3, H=2, D=4 of torch.float32; got \[2, 2"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(unchecked, call, error, message):
    with pytest.raises(error, match=message):
        call()
