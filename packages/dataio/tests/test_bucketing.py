import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch.nn.utils.rnn import pad_sequence

import dataio


@given(st.integers(1, 150), st.integers(1, 20), st.booleans(), st.integers(0, 3))
def test_bucketed_examples_still_come_exactly_once_an_epoch(size, batch_size, shuffle, epoch):
    lengths = np.random.default_rng(size).integers(1, 100, size)
    numbers = dataio.ArrayDataset(torch.arange(size))
    batches = dataio.Batches(numbers, batch_size, lengths=lengths, shuffle=shuffle)
    steps = range(epoch * len(batches), (epoch + 1) * len(batches))
    chosen = [batches.indices(step).tolist() for step in steps]
    assert sorted(i for part in chosen for i in part) == list(range(size))
    assert [len(part) for part in chosen[:-1]] == [batch_size] * (len(batches) - 1)


def test_bucketing_saves_most_of_the_padding():
    lengths = np.random.default_rng(0).integers(1, 513, 4096)
    numbers = dataio.ArrayDataset(torch.arange(4096))

    def padded(**options) -> int:
        batches = dataio.Batches(numbers, 32, **options)
        return sum(32 * lengths[batches.indices(step)].max() for step in range(len(batches)))

    wasted, plain = padded(lengths=lengths) / lengths.sum() - 1, padded() / lengths.sum() - 1
    assert plain > 0.8
    assert wasted < 0.05


def test_batches_of_similar_length_do_not_come_in_order_of_length():
    lengths = np.arange(1000)
    batches = dataio.Batches(dataio.ArrayDataset(torch.arange(1000)), 10, lengths=lengths)
    means = [lengths[batches.indices(step)].mean() for step in range(60)]
    assert abs(np.corrcoef(means, np.arange(60))[0, 1]) < 0.4
    assert batches.indices(0).tolist() != batches.indices(100).tolist()


class Ragged:
    def __len__(self) -> int:
        return 9

    def __getitem__(self, index: int):
        return torch.full((index + 1,), index)


def test_collate_joins_ragged_examples():
    batches = dataio.Batches(
        Ragged(), 3, lengths=range(1, 10), collate=lambda rows: pad_sequence(rows, batch_first=True)
    )
    for step, [rows] in enumerate(batches):
        for row, index in zip(rows, batches.indices(step), strict=True):
            assert row[: index + 1].eq(int(index)).all()
            assert row[index + 1 :].eq(0).all()


def test_lengths_that_do_not_fit_are_refused():
    with pytest.raises(
        ValueError, match=r"wanted one length for each of the 9 examples, got shape \(2,\); pass them all"
    ):
        dataio.Batches(Ragged(), 3, lengths=[1, 2])
