import pytest
import torch

import dataio

# Python 3.12 and newer warn of every fork in a process with threads, which a process with torch always is.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def read(batches: dataio.Batches, start: int, stop: int) -> list[list[tuple[torch.Tensor, ...]]]:
    with batches.from_step(start, stop) as stream:
        return [[tuple(micro) for micro in step] for step in stream]


def assert_equal(ours, theirs) -> None:
    for step, other in zip(ours, theirs, strict=True):
        for micro, other_micro in zip(step, other, strict=True):
            for tensor, other_tensor in zip(micro, other_micro, strict=True):
                assert torch.equal(tensor, other_tensor)


@pytest.mark.gpu
@pytest.mark.parametrize("num_workers", [0, 1])
def test_pinned_batches_hold_the_same_numbers(num_workers):
    numbers = dataio.ArrayDataset(torch.arange(10))
    pinned = read(dataio.Batches(numbers, 4, pin_memory=True, num_workers=num_workers, start_method="fork"), 0, 3)
    assert all(micro[0].is_pinned() for step in pinned for micro in step)
    assert_equal(pinned, read(dataio.Batches(numbers, 4), 0, 3))


@pytest.mark.skipif(torch.accelerator.is_available(), reason="this machine has an accelerator to pin memory for")
def test_pinning_without_an_accelerator_is_refused():
    with pytest.raises(ValueError, match=r"wanted an accelerator to pin memory for.*pass pin_memory="):
        dataio.Batches(dataio.ArrayDataset(torch.arange(10)), 5, pin_memory=True)
