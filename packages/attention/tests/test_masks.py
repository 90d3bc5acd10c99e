"""Masks against brute force: every pair asked of plain Python instead of tensors."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention import Mask, attend, attend_reference, causal, padding

BATCH, QUERIES, KEYS = 2, 4, 5


def rules():
    """Pairs of (mask, the same as a Python function of row, query and key), combined up to a few levels."""
    lengths = st.lists(st.integers(0, KEYS), min_size=BATCH, max_size=BATCH)
    leaves = st.one_of(
        st.just((causal(), lambda r, q, k: k <= q)),
        lengths.map(lambda n: (padding(torch.tensor(n)), lambda r, q, k: k < n[r])),
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


@given(rules())
def test_dense_is_the_rule_asked_for_every_pair(pair):
    mask, rule = pair
    expected = brute_force(rule, [range(QUERIES)] * BATCH)
    assert torch.equal(mask.dense(BATCH, QUERIES, KEYS).expand_as(expected), expected)


@given(rules(), st.lists(st.integers(0, KEYS), min_size=BATCH, max_size=BATCH))
def test_offsets_of_a_cache_are_part_of_the_rule(pair, starts):
    mask, rule = pair
    positions = torch.tensor(starts)[:, None] + torch.arange(QUERIES)
    expected = brute_force(rule, positions)
    assert torch.equal(mask.dense(BATCH, positions, KEYS).expand_as(expected), expected)


@given(rules(), st.integers(0, BATCH - 1), st.integers(0, QUERIES), st.integers(0, KEYS))
def test_one_pair_can_be_asked_about(pair, row, query, key):
    mask, rule = pair
    assert bool(mask(row, query, key)) == rule(row, query, key)


@given(rules())
def test_both_paths_hide_what_the_rule_hides(pair):
    mask, rule = pair
    visible = brute_force(rule, [range(QUERIES)] * BATCH)
    q, k, v = (torch.randn(BATCH, 3, n, 4) for n in (QUERIES, KEYS, KEYS))
    expected, _ = attend_reference(q, k, v, visible)
    torch.testing.assert_close(attend(q, k, v, mask), expected)
    torch.testing.assert_close(attend(q, k, v, visible), expected)


def test_rows_that_are_alike_are_stored_once():
    assert causal().dense(8, 3, 4).shape == (1, 1, 3, 4)
    assert padding(torch.tensor([1, 2])).dense(2, 3, 4).shape == (2, 1, 3, 4)


def test_a_mask_prints_as_it_was_written():
    mask = causal() & ~padding(torch.tensor([1, 0])) | causal()
    assert str(mask) == "((causal() & ~padding([1, 0])) | causal())"


def test_a_new_rule_is_a_class_with_one_method():
    class Window(Mask):
        def __call__(self, rows, queries, keys):
            return queries - keys < 2

    expected = torch.ones(4, 4, dtype=torch.bool).tril().triu(-1)
    assert torch.equal((causal() & Window()).dense(1, 4, 4)[0, 0], expected)


@pytest.mark.parametrize("lengths", [torch.tensor([[1]]), torch.tensor([1.0]), torch.tensor([True])])
def test_lengths_are_one_whole_number_a_row(unchecked, lengths):
    with pytest.raises(ValueError, match=r"wanted one whole number a row.*got shape.*pass the number"):
        padding(lengths)


def test_masks_of_different_batches_do_not_combine():
    with pytest.raises(ValueError, match=r"same number of rows; got 2 .* and 3 .*make both"):
        padding(torch.tensor([1, 2])) & padding(torch.tensor([1, 2, 3]))


def test_a_mask_of_another_batch_is_refused():
    with pytest.raises(ValueError, match=r"batch of 3 rows; got \(causal\(\) \| padding\(\[1, 2\]\)\), made for 2"):
        (causal() | padding(torch.tensor([1, 2]))).dense(3, 4, 4)
