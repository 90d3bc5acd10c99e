import numpy as np
import torch
from hypothesis import given, strategies as st

import dataio


class Squares:
    """The plain kind of dataset: only `__len__` and `__getitem__`."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int):
        return torch.tensor(index), torch.tensor(index * index)


def seen(micro_batches) -> list[int]:
    return [int(i) for inputs, _ in micro_batches for i in inputs]


sizes = st.integers(1, 60)


@given(sizes, sizes, st.integers(0, 5), st.booleans())
def test_every_example_comes_exactly_once_an_epoch(size, batch_size, seed, shuffle):
    batches = dataio.Batches(Squares(size), batch_size, seed=seed, shuffle=shuffle)
    for epoch in range(2):
        steps = range(epoch * len(batches), (epoch + 1) * len(batches))
        assert sorted(i for step in steps for i in seen(batches[step])) == list(range(size))


def test_epochs_and_seeds_have_orders_of_their_own():
    batches = dataio.Batches(Squares(50), 50)
    assert seen(batches[0]) != seen(batches[1])
    assert seen(batches[0]) != seen(dataio.Batches(Squares(50), 50, seed=1)[0])
    assert seen(dataio.Batches(Squares(50), 50, shuffle=False)[1]) == list(range(50))


def test_the_last_batch_is_ragged_unless_dropped():
    assert [len(batch[0][0]) for batch in dataio.Batches(Squares(10), 4)] == [4, 4, 2]
    assert [len(batch[0][0]) for batch in dataio.Batches(Squares(10), 4, drop_last=True)] == [4, 4]
    assert [len(batch[0][0]) for batch in dataio.Batches(Squares(10), 40)] == [10]


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
