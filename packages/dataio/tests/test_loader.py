from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch.nn.utils.rnn import pad_sequence

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


class Ragged:
    def __len__(self) -> int:
        return 9

    def __getitem__(self, index: int):
        return torch.full((index + 1,), index)


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


@dataclass(frozen=True)
class Backwards:
    """Every step the same batch: the last examples, last one first."""

    size: int
    batch_size: int
    seed: int = 0
    drop_last: bool = False
    lengths: None = None
    steps_per_epoch: int = 1

    def examples(self, step: int) -> np.ndarray:
        return np.arange(self.size)[::-1][: self.batch_size]


class BackwardSquares(Squares):
    def order(self, batch_size: int, seed: int, shuffle: bool) -> Backwards:
        return Backwards(self.size, batch_size)


def test_a_dataset_that_brings_its_own_order_is_read_in_it_also_below_a_transform():
    own = BackwardSquares(10)
    for dataset in (own, dataio.Transformed(own, lambda number: number)):
        batches = dataio.Batches(dataset, 3, micro_batch_size=2)
        assert seen(batches[0]) == seen(batches[7]) == [9, 8, 7]
