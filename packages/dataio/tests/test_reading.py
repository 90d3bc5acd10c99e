import random

import numpy as np
import pytest
import torch

import dataio

# Python 3.12 and newer warn of every fork in a process with threads, which a process with torch always is.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


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


class Broken(Squares):
    def __getitem__(self, index: int):
        if index == 3:
            raise KeyError("page torn out")
        return super().__getitem__(index)


class BrokenAtOnce(Broken):
    def fetch(self, indices):
        numbers = torch.stack([self[int(index)][0] for index in indices])
        return numbers, numbers**2


class Noisy:
    """Examples drawn from all three global generators, as torchvision's transforms do."""

    def __len__(self) -> int:
        return 23

    def __getitem__(self, index: int):
        drawn = [random.random(), float(np.random.rand()), float(torch.rand(()))]
        return torch.tensor(index), torch.tensor(drawn, dtype=torch.float64)


def test_inputs_and_targets_stay_together_however_they_are_read():
    numbers = torch.arange(40)
    one_by_one = dataio.Batches(Squares(40), 8)
    at_once = dataio.Batches(dataio.ArrayDataset(numbers, numbers**2), 8)
    for slow, fast in zip(one_by_one, at_once, strict=True):
        for (slow_inputs, slow_targets), (inputs, targets) in zip(slow, fast, strict=True):
            assert torch.equal(slow_inputs, inputs)
            assert torch.equal(slow_targets, targets)
            assert torch.equal(targets, inputs**2)


@pytest.mark.parametrize("dataset", [Broken(10), BrokenAtOnce(10)])
def test_an_error_while_reading_names_the_example(dataset):
    stream = dataio.Batches(dataset, 2, shuffle=False).from_step(0)
    assert seen(next(stream)) == [0, 1]
    with pytest.raises(dataio.ExampleError, match=r"wanted example 3 of Broken.*, got KeyError.*leave out") as caught:
        next(stream)
    assert caught.value.index == 3
    assert isinstance(caught.value.__cause__, KeyError)
    assert next(stream, "finished") == "finished"


def test_examples_change_from_epoch_to_epoch_and_with_the_seed():
    def drawn(seed: int, epoch: int) -> dict[int, float]:
        batches = dataio.Batches(Noisy(), 23, seed=seed)
        [(indices, values)] = batches[epoch]
        return {int(i): float(value[2]) for i, value in zip(indices, values, strict=True)}

    first = drawn(0, 0)
    assert len(set(first.values())) == 23
    assert not set(first.values()) & set(drawn(0, 1).values())
    assert not set(first.values()) & set(drawn(1, 0).values())


def test_uniform_numbers_are_uniform_and_independent():
    numbers = dataio.uniform(dataio.example_keys(range(20_000), 1, 2), 3).double()
    assert 0.0 <= float(numbers.min()) < float(numbers.max()) < 1.0
    counts = torch.stack([torch.histc(numbers[:, i], 20, 0, 1) for i in range(3)])
    chi_square = ((counts - 1000) ** 2 / 1000).sum(1)
    assert (chi_square < 50).all()  # 19 degrees of freedom: passed by chance once in 7,000
    assert (torch.corrcoef(numbers.T) - torch.eye(3)).abs().max() < 0.03
    assert abs(float(torch.corrcoef(torch.stack([numbers[:-1, 0], numbers[1:, 0]]))[0, 1])) < 0.03
