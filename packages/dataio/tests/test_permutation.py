import numpy as np
import pytest
from hypothesis import given, strategies as st

import dataio


@given(st.integers(1, 3000), st.lists(st.integers(0, 2**40), max_size=3).map(tuple))
def test_permute_is_a_bijection(size, key):
    assert sorted(dataio.permute(np.arange(size), size, key).tolist()) == list(range(size))


def test_permute_of_a_part_is_the_part_of_the_permutation():
    whole = dataio.permute(np.arange(1000), 1000, (3, 1))
    assert np.array_equal(dataio.permute(np.arange(250, 300).reshape(5, 10), 1000, (3, 1)).ravel(), whole[250:300])
    large = dataio.permute(np.arange(5), 10**15 + 7, (0,))
    assert len(set(large.tolist())) == 5
    assert large.max() > 10**12


def test_permute_stays_the_same_on_every_machine():
    assert dataio.permute(np.arange(10), 10, (0, 1)).tolist() == [4, 7, 6, 8, 3, 9, 2, 5, 0, 1]


def test_every_order_of_a_few_examples_is_about_equally_likely():
    orders: dict[tuple[int, ...], int] = {}
    for key in range(4800):
        order = tuple(dataio.permute(np.arange(4), 4, (key,)).tolist())
        orders[order] = orders.get(order, 0) + 1
    expected = 4800 / 24
    chi_square = sum((count - expected) ** 2 / expected for count in orders.values())
    assert len(orders) == 24
    assert chi_square < 54  # 23 degrees of freedom: passed by chance 3 times in 10,000


def test_neighbours_do_not_stay_neighbours():
    order = dataio.permute(np.arange(10_000), 10_000, (7,))
    assert abs(np.corrcoef(np.arange(10_000), order)[0, 1]) < 0.03
    assert (np.abs(np.diff(order)) == 1).mean() < 0.001


@pytest.mark.parametrize(("position", "size"), [([3], 3), ([-1], 3), ([0], 0)])
def test_permute_refuses_positions_outside(position, size):
    with pytest.raises(ValueError, match=rf"wanted positions inside range\({size}\)"):
        dataio.permute(np.array(position), size, (0,))
