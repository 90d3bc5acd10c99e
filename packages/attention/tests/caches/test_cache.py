"""With a cache and without, the same numbers: whatever the chunks, the lengths and what was done to the rows."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from attention import KeyValueCache, Mask, MultiHeadAttention, causal

N_EMBD, N_HEAD = 8, 2


TOLERANCE = {"atol": 1e-5, "rtol": 0}


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


def layer_and_cache(batch, length):
    torch.manual_seed(0)
    layer = MultiHeadAttention(N_EMBD, N_HEAD).eval()
    return layer, KeyValueCache(1, batch, N_HEAD, length, N_EMBD // N_HEAD)


def feed(layer, cache, chunk, lengths=None, mask=None):
    """One model call of one layer."""
    output = layer(chunk, mask, cache.layer(0))
    cache.advance(chunk.shape[1], lengths)
    return output


@pytest.mark.parametrize("sizes", [[7], [1] * 7, [3, 4], [1, 5, 1], [4, 1, 1, 1]], ids=str)
def test_chunks_give_what_the_whole_gives(sizes):
    layer, cache = layer_and_cache(3, 7)
    x = torch.randn(3, 7, N_EMBD)
    chunks = torch.cat([feed(layer, cache, chunk) for chunk in x.split(sizes, dim=1)], dim=1)
    torch.testing.assert_close(chunks, layer(x, causal()), **TOLERANCE)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=4), st.integers(1, 2))
def test_a_ragged_row_gives_what_it_gives_alone(calls, n_padding):
    """Each call brings 0 to 3 real tokens a row, and padding on the right that must not matter."""
    layer, cache = layer_and_cache(3, 20)
    rows = [torch.randn(sum(call[r] for call in calls), N_EMBD) for r in range(3)]
    seen, outputs = [0, 0, 0], [[], [], []]
    for call in calls:
        chunk = 100 * torch.randn(3, max(call) + n_padding, N_EMBD)
        for r, count in enumerate(call):
            chunk[r, :count] = rows[r][seen[r] : seen[r] + count]
            seen[r] += count
        output = feed(layer, cache, chunk, torch.tensor(call))
        for r, count in enumerate(call):
            outputs[r].append(output[r, :count])
    assert cache.lengths.tolist() == seen
    assert (cache.shortest, cache.longest) == (min(seen), max(seen))
    for r, row in enumerate(rows):
        if len(row):
            torch.testing.assert_close(torch.cat(outputs[r]), layer(row[None], causal())[0], **TOLERANCE)


def ragged(length=12):
    """A layer, and a cache that holds 2, 5 and 3 tokens of the rows returned."""
    layer, cache = layer_and_cache(3, length)
    x, lengths = torch.randn(3, 5, N_EMBD), torch.tensor([2, 5, 3])
    feed(layer, cache, x, lengths)
    return layer, cache, [row[:n] for row, n in zip(x, lengths, strict=True)]


def next_token_agrees(layer, cache, rows):
    token = torch.randn(len(rows), 1, N_EMBD)
    output = feed(layer, cache, token)
    for r, row in enumerate(rows):
        alone = layer(torch.cat([row, token[r]])[None], causal())[0, -1:]
        torch.testing.assert_close(output[r], alone, **TOLERANCE)


@pytest.mark.parametrize("chosen", [[2, 0, 1], [1, 1, 0], [0], [0, 0, 1, 2, 2]], ids=str)
def test_selected_rows_go_on_as_themselves(chosen):
    layer, cache, rows = ragged()
    cache.select(torch.tensor(chosen))
    assert cache.n_rows == len(chosen)
    next_token_agrees(layer, cache, [rows[r] for r in chosen])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_was_selected_fed_and_cut_every_slot_holds_its_rows_tokens(data):
    cache, rows, fed = KeyValueCache(1, 3, 1, 12, 1), [[], [], []], 0.0
    for _ in range(data.draw(st.integers(1, 12))):
        action = data.draw(st.sampled_from(["feed", "select", "select", "cut"]))
        if action == "feed" and cache.longest < 11:
            lengths = torch.tensor([data.draw(st.integers(0, 2)) for _ in rows])
            new = fed + torch.arange(2.0 * len(rows)).view(len(rows), 1, 2, 1)
            cache.layer(0).write(new, -new)
            cache.advance(2, lengths)
            rows = [row + new[r].flatten().tolist()[: lengths[r]] for r, row in enumerate(rows)]
            fed += 100
        elif action == "select":
            size = data.draw(st.sampled_from([len(rows), len(rows), 2, 4]))
            chosen = [data.draw(st.integers(0, len(rows) - 1)) for _ in range(size)]
            cache.select(torch.tensor(chosen))
            rows = [rows[r] for r in chosen]
        elif action == "cut":
            kept = [data.draw(st.integers(0, len(row))) for row in rows]
            cache.cut(torch.tensor(kept))
            rows = [row[:n] for row, n in zip(rows, kept, strict=True)]
        held = [(cache.keys[0][r, 0, : len(row), 0].tolist(), len(row)) for r, row in enumerate(rows)]
        assert held == [(row, int(cache.lengths[r])) for r, row in enumerate(rows)]
        assert all(cache.values[0][r, 0, : len(row), 0].neg().tolist() == row for r, row in enumerate(rows))


@pytest.mark.parametrize("forget", [lambda cache: cache.cut(1), lambda cache: cache.reset()], ids=["cut", "reset"])
def test_rows_that_were_equal_once_are_copied_whole_after_they_were_cut(forget):
    layer, cache = layer_and_cache(3, 9)
    feed(layer, cache, torch.randn(3, 5, N_EMBD))
    cache.select(torch.tensor([0, 0, 0]))
    forget(cache)
    feed(layer, cache, torch.randn(3, 3, N_EMBD))
    expected = cache.keys[0][1, :, : cache.longest].clone()
    cache.select(torch.tensor([1, 1, 1]))
    assert all(torch.equal(cache.keys[0][r, :, : cache.longest], expected) for r in range(3))


def test_equal_rows_that_moved_in_place_keep_their_memory():
    layer, cache, _ = ragged()
    before = [t.data_ptr() for t in cache.keys + cache.values]
    cache.select(torch.tensor([2, 1, 0]))
    cache.reset()
    feed(layer, cache, torch.randn(3, 4, N_EMBD))
    assert [t.data_ptr() for t in cache.keys + cache.values] == before


@pytest.mark.parametrize("kept", [torch.tensor([1, 3, 3]), torch.tensor([0, 0, 0]), 2], ids=str)
def test_a_cut_row_goes_on_from_where_it_was_cut(kept):
    layer, cache, rows = ragged()
    cache.cut(kept)
    next_token_agrees(layer, cache, [row[:n] for row, n in zip(rows, cache.lengths, strict=True)])


def test_after_a_reset_the_cache_is_as_new():
    layer, cache, _ = ragged()
    cache.reset()
    next_token_agrees(layer, cache, [torch.zeros(0, N_EMBD)] * 3)


def test_a_further_rule_is_asked_with_places_in_the_row():
    class Window(Mask):
        def __call__(self, rows, queries, keys):
            return queries - keys < 2

    layer, cache = layer_and_cache(2, 8)
    x = torch.randn(2, 7, N_EMBD)
    expected = layer(x, causal() & Window())
    chunks = [feed(layer, cache, chunk, mask=Window()) for chunk in x.split([2, 1, 3, 1], dim=1)]
    torch.testing.assert_close(torch.cat(chunks, dim=1), expected, **TOLERANCE)


@pytest.mark.parametrize("chosen", [[0, 1, 2], [0, 1]], ids=["as made", "rows dropped"])
def test_a_cache_made_in_inference_mode_can_be_used_outside_of_it(chosen):
    with torch.inference_mode():
        layer, cache, rows = ragged()
        if len(chosen) < len(rows):
            cache.select(torch.tensor(chosen))
    next_token_agrees(layer, cache, [rows[r] for r in chosen])


def test_the_first_chunk_takes_the_flag_and_equal_rows_take_no_mask(kernel_calls):
    layer, cache = layer_and_cache(2, 8)
    feed(layer, cache, torch.randn(2, 4, N_EMBD))
    feed(layer, cache, torch.randn(2, 1, N_EMBD))
    assert kernel_calls == [{"is_causal": True, "dropout_p": 0.0}, {"dropout_p": 0.0}]


def test_positions_follow_what_each_row_holds():
    _, cache, _ = ragged()
    assert cache.positions(2).tolist() == [[2, 3], [5, 6], [3, 4]]
    cache.advance(2, torch.tensor([1, 0, 2]))
    assert cache.positions(1).tolist() == [[3], [5], [5]]


def full_cache():
    layer, cache = layer_and_cache(1, 4)
    feed(layer, cache, torch.randn(1, 3, N_EMBD))
    return layer, cache


def with_gradients():
    layer, cache = layer_and_cache(1, 4)
    with torch.enable_grad():
        feed(layer, cache, torch.randn(1, 2, N_EMBD))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: KeyValueCache(1, 0, 2, 8, 4), r"at least 1; got n_layer=1, batch=0"),
        (
            lambda: feed(*full_cache(), torch.randn(1, 2, N_EMBD)),
            r"at most 1 more tokens; got 2; the cache has 4 slots",
        ),
        (lambda: full_cache()[1].advance(2), r"at most 1 more tokens; got 2"),
        (lambda: feed(*full_cache(), torch.randn(2, 1, N_EMBD)), r"B=1, H=2, D=4 of torch.float32; got \[2, 2, 1, 4\]"),
        (lambda: full_cache()[1].advance(1, torch.tensor([2])), r"from 0 to the 1 tokens of the call; got \[2\]; pass"),
        (lambda: full_cache()[1].advance(1, torch.tensor([1, 1])), r"1 lengths, one a row; got shape \[2\]; pass"),
        (lambda: full_cache()[1].cut(4), r"what each row holds, \[3\]; got \[4\]; a cache is only cut shorter"),
        (lambda: full_cache()[1].cut(-1), r"got \[-1\]"),
        (lambda: full_cache()[1].select(torch.tensor([1])), r"row numbers from 0 to 0; got \[1\]; name"),
        (lambda: full_cache()[1].select(torch.tensor([], dtype=torch.long)), r"got \[\]; name"),
        (with_gradients, r"without a gradient.*; got keys that carry one; call the model inside torch.inference_mode"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_cache_of_other_numbers_is_refused():
    layer, _ = layer_and_cache(1, 4)
    cache = KeyValueCache(1, 1, N_HEAD, 4, N_EMBD // N_HEAD, dtype=torch.float16)
    with pytest.raises(ValueError, match=r"of torch.float16; got \[1, 2, 1, 4\] of torch.float32; make the cache"):
        feed(layer, cache, torch.randn(1, 1, N_EMBD))


def test_rows_that_leave_and_come_again_take_no_new_memory():
    cache = KeyValueCache(n_layer=2, batch=4, n_head=2, length=6, head_size=4)
    where = [stored.data_ptr() for stored in cache.whole]
    for rows in ([0, 1, 2], [0], [0, 0, 0, 0], [3, 1], [1, 0, 1]):
        cache.select(torch.tensor(rows))
        assert [stored.data_ptr() for stored in cache.keys + cache.values] == where
        assert cache.n_rows == len(cache.keys[0]) == len(rows)
    cache.select(torch.tensor([0, 1, 2, 0, 1]))
    assert len(cache.keys[0]) == 5
