"""Masks against brute force: every pair asked of plain Python instead of tensors."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from attention import (
    Mask,
    attend,
    attend_reference,
    block_mask,
    causal,
    dilated,
    documents,
    global_tokens,
    padding,
    prefix,
    sliding_window,
    strided,
)

# The type checker, which is only there while tests run, picks the items that it looks at with Python's `random`.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")


BATCH, QUERIES, KEYS, PLACES = 2, 4, 5, 10  # places: the last query's number in any test, and one


def rules():
    """Pairs of (mask, the same as a Python function of row, query and key), combined up to a few levels."""
    lengths = st.lists(st.integers(0, KEYS), min_size=BATCH, max_size=BATCH)
    small, places = st.integers(1, KEYS), st.integers(0, KEYS - 1)
    one = st.lists(st.integers(0, 2), min_size=PLACES, max_size=PLACES)
    ids = st.lists(one, min_size=BATCH, max_size=BATCH)
    leaves = st.one_of(
        st.just((causal(), lambda r, q, k: k <= q)),
        lengths.map(lambda n: (padding(torch.tensor(n)), lambda r, q, k: k < n[r])),
        small.map(lambda n: (sliding_window(n), lambda r, q, k: abs(q - k) < n)),
        small.map(lambda n: (prefix(n), lambda r, q, k: k < n)),
        small.map(lambda n: (dilated(n), lambda r, q, k: any(q + n * i == k for i in range(-20, 20)))),
        small.map(lambda n: (strided(n), lambda r, q, k: abs(q - k) < n or (q - k) / n == (q - k) // n)),
        st.sets(places, min_size=1).map(lambda n: (global_tokens(*n), lambda r, q, k: q in n or k in n)),
        ids.map(lambda n: (documents(torch.tensor(n)), lambda r, q, k: n[r][q] == n[r][k])),
        one.map(lambda n: (documents(torch.tensor(n)), lambda r, q, k: n[q] == n[k])),
    )

    def combine(inner):
        pairs = st.tuples(inner, inner)
        return st.one_of(
            pairs.map(lambda p: (p[0][0] & p[1][0], lambda *a: p[0][1](*a) and p[1][1](*a))),
            pairs.map(lambda p: (p[0][0] | p[1][0], lambda *a: p[0][1](*a) or p[1][1](*a))),
            inner.map(lambda p: (~p[0], lambda *a: not p[1](*a))),
        )

    return st.recursive(leaves, combine, max_leaves=4)


def brute_force(rule, positions):
    return torch.tensor([[[[rule(r, int(q), k) for k in range(KEYS)] for q in positions[r]]] for r in range(BATCH)])


@settings(deadline=None)
@given(rules())
def test_dense_is_the_rule_asked_for_every_pair(pair):
    mask, rule = pair
    expected = brute_force(rule, [range(QUERIES)] * BATCH)
    assert torch.equal(mask.dense(BATCH, QUERIES, KEYS).expand_as(expected), expected)


@settings(deadline=None)
@given(rules(), st.lists(st.integers(0, KEYS), min_size=BATCH, max_size=BATCH))
def test_offsets_of_a_cache_are_part_of_the_rule(pair, starts):
    mask, rule = pair
    positions = torch.tensor(starts)[:, None] + torch.arange(QUERIES)
    expected = brute_force(rule, positions)
    assert torch.equal(mask.dense(BATCH, positions, KEYS).expand_as(expected), expected)


@settings(deadline=None)
@given(rules(), st.integers(0, BATCH - 1), st.integers(0, QUERIES), st.integers(0, KEYS))
def test_one_pair_can_be_asked_about(pair, row, query, key):
    mask, rule = pair
    assert bool(mask(row, query, key)) == rule(row, query, key)


@settings(deadline=None)
@given(rules())
def test_both_paths_hide_what_the_rule_hides(pair):
    mask, rule = pair
    visible = brute_force(rule, [range(QUERIES)] * BATCH)
    q, k, v = (torch.randn(BATCH, 3, n, 4) for n in (QUERIES, KEYS, KEYS))
    expected, _ = attend_reference(q, k, v, visible)
    torch.testing.assert_close(attend(q, k, v, mask), expected)
    torch.testing.assert_close(attend(q, k, v, visible), expected)


@settings(max_examples=30, deadline=None)
@given(rules(), st.lists(st.integers(0, KEYS), min_size=BATCH, max_size=BATCH))
def test_a_block_mask_hides_what_the_rule_hides(pair, starts):
    """Asked pair by pair as flex attention asks it, and its blocks counted; the kernel itself needs a GPU."""
    from torch.nn.attention.flex_attention import create_mask

    mask, rule = pair
    positions = torch.tensor(starts)[:, None] + torch.arange(QUERIES)
    for queries, asked in ((QUERIES, [range(QUERIES)] * BATCH), (positions, positions)):
        expected, made = brute_force(rule, asked), block_mask(mask, BATCH, queries, KEYS)
        assert torch.equal(create_mask(made.mask_mod, BATCH, 1, QUERIES, KEYS, device="cpu"), expected)
        blocks = expected.any(-1).any(-1).flatten()
        assert torch.equal(made.to_dense().bool().flatten().expand(BATCH), blocks)


@settings(deadline=None)
@given(rules())
def test_no_visible_key_lies_out_of_reach(pair):
    mask, rule = pair
    back, ahead = mask.reach
    seen = [q - k for r in range(BATCH) for q in range(KEYS) for k in range(KEYS) if rule(r, q, k)]
    assert all(-ahead <= distance <= back for distance in seen)


@settings(deadline=None)
@given(rules())
def test_a_picture_has_a_mark_where_the_rule_shows(pair):
    mask, rule = pair
    lines = [" ".join("x" if rule(1, q, k) else "." for k in range(KEYS)) for q in range(QUERIES)]
    assert mask.draw(QUERIES, KEYS, row=1) == "\n".join(lines)


def test_a_mask_tells_in_words_what_a_query_sees():
    mask = causal() & sliding_window(3) | global_tokens(0) & ~documents(torch.tensor([0, 1]))
    assert mask.describe() == (
        "((keys up to its own place and keys less than 3 places away) or (the keys at [0], and every key if it stands "
        "there itself and everything but keys of its own document))"
    )
    others = (padding(torch.tensor([1, 2])) & prefix(2)) | dilated(3)
    assert others.describe() == (
        "((the real tokens of its row, [1, 2] of them and the first 2 keys) or keys a multiple of 3 places away)"
    )


def test_rows_that_are_alike_are_stored_once():
    assert causal().dense(8, 3, 4).shape == (1, 1, 3, 4)
    assert padding(torch.tensor([1, 2])).dense(2, 3, 4).shape == (2, 1, 3, 4)


def test_a_mask_prints_as_it_was_written():
    mask = causal() & ~padding(torch.tensor([1, 0])) | causal()
    assert str(mask) == "((causal() & ~padding([1, 0])) | causal())"


def test_every_rule_prints_as_it_was_written():
    ids = torch.tensor([0, 1])
    mask = sliding_window(2) | prefix(1) | dilated(3) | global_tokens(0, 4) | documents(ids)
    written = "((((sliding_window(2) | prefix(1)) | dilated(3)) | global_tokens(0, 4)) | documents([0, 1]))"
    assert str(mask) == written
    assert str(strided(4)) == "(sliding_window(4) | dilated(4))"


def test_a_new_rule_is_a_class_with_one_method():
    class Window(Mask):
        def __call__(self, rows, queries, keys):
            return queries - keys < 2

    expected = torch.ones(4, 4, dtype=torch.bool).tril().triu(-1)
    assert torch.equal((causal() & Window()).dense(1, 4, 4)[0, 0], expected)
    assert Window().describe() == "what Window shows"


def test_masks_of_different_batches_do_not_combine():
    with pytest.raises(ValueError, match=r"same number of rows; got 2 .* and 3 .*make both"):
        padding(torch.tensor([1, 2])) & padding(torch.tensor([1, 2, 3]))


def test_a_mask_of_another_batch_is_refused():
    with pytest.raises(ValueError, match=r"batch of 3 rows; got \(causal\(\) \| padding\(\[1, 2\]\)\), made for 2"):
        (causal() | padding(torch.tensor([1, 2]))).dense(3, 4, 4)
