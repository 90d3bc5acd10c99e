import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import dataio

numbers = st.lists(st.integers(0, 30), min_size=2, max_size=30)


@given(numbers, st.floats(0.001, 0.999))
def test_splitting_by_content_parts_no_equal_examples(values, held_out):
    dataset = dataio.ArrayDataset(np.array(values), np.arange(len(values)))
    if len(set(values)) == 1:
        with pytest.raises(ValueError, match=r"wanted at least two different examples, .*; use more"):
            dataio.split_by_content(dataset, held_out)
        return
    train, tail = dataio.split_by_content(dataset, held_out)
    assert len(train) > 0
    assert len(tail) > 0
    assert sorted([*train.indices, *tail.indices]) == list(range(len(values)))
    assert not {int(train[i][0]) for i in range(len(train))} & {int(tail[i][0]) for i in range(len(tail))}


def test_splitting_by_content_takes_about_the_fraction_and_holds_when_examples_come():
    few = dataio.ArrayDataset(torch.arange(1000))
    _, tail = dataio.split_by_content(few, 0.2)
    _, longer_tail = dataio.split_by_content(dataio.ArrayDataset(torch.arange(1500)), 0.2)
    assert 150 < len(tail) < 250
    assert [i for i in longer_tail.indices if i < 1000] == tail.indices.tolist()


@given(st.integers(2, 200), st.floats(0.05, 0.95), st.integers(0, 9))
def test_splitting_by_fraction_is_exact(size, held_out, seed):
    count = round(size * held_out)
    dataset = dataio.ArrayDataset(torch.arange(size))
    if count in (0, size):
        with pytest.raises(ValueError, match="wanted examples on both sides"):
            dataio.split_by_fraction(dataset, held_out, seed=seed)
        return
    train, tail = dataio.split_by_fraction(dataset, held_out, seed=seed)
    assert len(tail) == count
    assert sorted([*train.indices, *tail.indices]) == list(range(size))


@pytest.mark.parametrize("split", [dataio.split_by_fraction, dataio.split_by_content])
def test_bad_fractions_are_refused(split):
    with pytest.raises(ValueError, match=r"wanted a held-out fraction between 0 and 1, got 0\.0"):
        split(dataio.ArrayDataset(torch.arange(5)), 0.0)
