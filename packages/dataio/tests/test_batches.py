import gc
import threading
import time
from itertools import count

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import dataio
from dataio.stream import ReadAhead


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


sizes = st.integers(1, 60)


@given(sizes, sizes, st.integers(0, 5), st.booleans())
def test_every_example_comes_exactly_once_an_epoch(size, batch_size, seed, shuffle):
    batches = dataio.Batches(Squares(size), batch_size, seed=seed, shuffle=shuffle)
    for epoch in range(2):
        steps = range(epoch * len(batches), (epoch + 1) * len(batches))
        assert sorted(i for step in steps for i in seen(batches[step])) == list(range(size))


@given(sizes, sizes, st.integers(1, 7), st.integers(1, 70), st.integers(0, 200))
def test_ranks_and_micro_batches_cut_the_same_global_batch(size, batch_size, world_size, micro_batch_size, step):
    whole = seen(dataio.Batches(Squares(size), batch_size)[step])
    parts = []
    for rank in range(world_size):
        mine = dataio.Batches(
            Squares(size), batch_size, rank=rank, world_size=world_size, micro_batch_size=micro_batch_size
        )[step]
        assert all(1 <= len(inputs) <= micro_batch_size for inputs, _ in mine)
        assert mine or len(whole) < world_size
        parts.append(seen(mine))
    assert [i for part in parts for i in part] == whole
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(st.integers(0, 50), st.integers(0, 2**31))
def test_a_step_depends_on_nothing_but_seed_and_number(step, noise):
    batches = dataio.Batches(Squares(23), 4, seed=5)
    expected = batches.indices(step).tolist()
    torch.manual_seed(noise)
    np.random.seed(noise % 2**32)
    assert seen(batches[noise % 97]) == seen(dataio.Batches(Squares(23), 4, seed=5)[noise % 97])
    assert seen(batches[step]) == expected == batches.indices(step).tolist()


@given(st.integers(0, 30), st.integers(0, 12))
def test_from_step_equals_indexing(start, count):
    batches = dataio.Batches(Squares(23), 4)
    with batches.from_step(start, start + count) as stream:
        assert stream.start == start
        assert [seen(step) for step in stream] == [seen(batches[start + i]) for i in range(count)]


def test_epochs_and_seeds_have_orders_of_their_own():
    batches = dataio.Batches(Squares(50), 50)
    assert seen(batches[0]) != seen(batches[1])
    assert seen(batches[0]) != seen(dataio.Batches(Squares(50), 50, seed=1)[0])
    assert seen(dataio.Batches(Squares(50), 50, shuffle=False)[1]) == list(range(50))


def test_the_last_batch_is_ragged_unless_dropped():
    assert [len(batch[0][0]) for batch in dataio.Batches(Squares(10), 4)] == [4, 4, 2]
    assert [len(batch[0][0]) for batch in dataio.Batches(Squares(10), 4, drop_last=True)] == [4, 4]
    assert [len(batch[0][0]) for batch in dataio.Batches(Squares(10), 40)] == [10]


def test_inputs_and_targets_stay_together_however_they_are_read():
    numbers = torch.arange(40)
    one_by_one = dataio.Batches(Squares(40), 8)
    at_once = dataio.Batches(dataio.ArrayDataset(numbers, numbers**2), 8)
    for slow, fast in zip(one_by_one, at_once, strict=True):
        for (slow_inputs, slow_targets), (inputs, targets) in zip(slow, fast, strict=True):
            assert torch.equal(slow_inputs, inputs)
            assert torch.equal(slow_targets, targets)
            assert torch.equal(targets, inputs**2)


class Broken(Squares):
    def __getitem__(self, index: int):
        if index == 3:
            raise KeyError("page torn out")
        return super().__getitem__(index)


class BrokenAtOnce(Broken):
    def fetch(self, indices):
        numbers = torch.stack([self[int(index)][0] for index in indices])
        return numbers, numbers**2


@pytest.mark.parametrize("dataset", [Broken(10), BrokenAtOnce(10)])
def test_an_error_while_reading_names_the_example(dataset):
    stream = dataio.Batches(dataset, 2, shuffle=False).from_step(0)
    assert seen(next(stream)) == [0, 1]
    with pytest.raises(dataio.ExampleError, match=r"wanted example 3 of Broken.*, got KeyError.*leave out") as caught:
        next(stream)
    assert caught.value.index == 3
    assert isinstance(caught.value.__cause__, KeyError)
    assert next(stream, "finished") == "finished"


def reading_threads() -> int:
    return sum(thread.name == "dataio-read-ahead" for thread in threading.enumerate())


def test_a_closed_or_forgotten_stream_leaves_no_thread():
    before = reading_threads()
    numbers = dataio.ArrayDataset(torch.arange(10))
    with dataio.Batches(numbers, 2).from_step(0) as stream:
        next(stream)
        assert reading_threads() == before + 1
    assert reading_threads() == before
    assert next(stream, None) is None
    stream.close()
    forgotten = dataio.Batches(numbers, 2).from_step(0)
    next(forgotten)
    del forgotten
    gc.collect()
    assert reading_threads() == before


def test_reading_ahead_stays_two_batches_ahead():
    read: list[int] = []
    with dataio.BatchStream(ReadAhead(lambda step: read.append(step) or step, count(5)), 5) as stream:
        deadline = time.monotonic() + 10
        while len(read) < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        assert read == [5, 6]
        assert next(stream) == 5


BAD_LOADERS = {
    "empty": (Squares(0), 1, {}, "wanted a dataset with at least one example, got an empty one; check"),
    "batch size": (Squares(3), 0, {}, "wanted batch sizes of at least 1, got 0"),
    "micro-batch size": (Squares(3), 2, {"micro_batch_size": 0}, "got 2 and micro-batches of 0"),
    "nothing left": (
        Squares(3),
        4,
        {"drop_last": True},
        "wanted a batch no larger than .* 3 examples, got 4.*drop_last=",
    ),
    "rank": (Squares(3), 2, {"rank": 2, "world_size": 2}, "wanted a rank from 0 to world_size - 1, got 2 of 2; pass"),
}


@pytest.mark.parametrize(("dataset", "batch_size", "options", "message"), BAD_LOADERS.values(), ids=BAD_LOADERS)
def test_bad_loaders_are_refused(dataset, batch_size, options, message):
    with pytest.raises(ValueError, match=message):
        dataio.Batches(dataset, batch_size, **options)


def test_bad_steps_are_refused():
    batches = dataio.Batches(Squares(3), 2)
    with pytest.raises(IndexError, match="wanted a step from 0 on, got -1"):
        batches[-1]
    with pytest.raises(ValueError, match="wanted 0 <= start <= stop, got 4 and 3"):
        batches.from_step(4, 3)


def test_arrays_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match=r"wanted arrays of equal length, got shapes \[\(3,\), \(2, 1\)\]"):
        dataio.ArrayDataset(np.zeros(3), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="wanted at least one array"):
        dataio.ArrayDataset()
