"""Reading in other processes, by fork and by spawn."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

import dataio

# Python 3.12 and newer warn of every fork in a process with threads, which a process with torch always is.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


class Noisy:
    """Examples drawn from all three global generators, as torchvision's transforms do."""

    def __len__(self) -> int:
        return 23

    def __getitem__(self, index: int):
        drawn = [random.random(), float(np.random.rand()), float(torch.rand(()))]
        return torch.tensor(index), torch.tensor(drawn, dtype=torch.float64)


def read(batches: dataio.Batches, start: int, stop: int) -> list[list[tuple[torch.Tensor, ...]]]:
    with batches.from_step(start, stop) as stream:
        return [[tuple(micro) for micro in step] for step in stream]


def assert_equal(ours, theirs) -> None:
    for step, other in zip(ours, theirs, strict=True):
        for micro, other_micro in zip(step, other, strict=True):
            for tensor, other_tensor in zip(micro, other_micro, strict=True):
                assert torch.equal(tensor, other_tensor)


class Fragile(Noisy):
    def __getitem__(self, index: int):
        if index == 13:
            raise OSError("page torn out")
        return super().__getitem__(index)


class Deadly(Noisy):
    def __getitem__(self, index: int):
        if index == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


SCRIPT = """
import random
import torch
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter
from dataio import Batches, ExampleError

_MultiProcessingDataLoaderIter._try_get_data.__defaults__ = (0.5,)  # seconds between two looks after the workers

class Noisy:
    def __len__(self):
        return 9

    def __getitem__(self, index):
        if index == 7:
            raise OSError("page torn out")
        return index, random.random(), torch.rand(())

def main():
    alone, helped = Batches(Noisy(), 3, shuffle=False), Batches(
        Noisy(), 3, shuffle=False, num_workers=1, start_method="spawn"
    )
    stream = helped.from_step(0)
    print(str([next(stream), next(stream)]) == str([alone[0], alone[1]]))
    try:
        next(stream)
    except ExampleError as error:
        print(error.index)
"""


GUARDED_CALL = """
if __name__ == "__main__":
    main()
"""


def run_script(path: Path, text: str) -> subprocess.CompletedProcess[str]:
    path.write_text(text)
    return subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=120, check=False)


CALL = "\nmain()\n"


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores
@pytest.mark.parametrize("num_workers", [1, 4])
def test_workers_change_nothing_in_batches_or_in_what_is_random(num_workers):
    alone = dataio.Batches(Noisy(), 5, seed=3, micro_batch_size=3)
    expected = [alone[step] for step in range(12)]
    torch.manual_seed(99)
    random.seed(99)
    helped = dataio.Batches(Noisy(), 5, seed=3, micro_batch_size=3, num_workers=num_workers, start_method="fork")
    assert_equal(read(helped, 0, 12), expected)
    assert_equal(read(helped, 7, 12), expected[7:])


def test_reading_random_examples_leaves_the_global_generators_alone(unchecked):
    def draw() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    def seed() -> None:
        random.seed(1), np.random.seed(1), torch.manual_seed(1)

    seed()
    expected = draw()
    for num_workers in (0, 1):
        seed()
        read(dataio.Batches(Noisy(), 5, num_workers=num_workers, start_method="fork"), 0, 5)
        assert draw() == expected


def test_a_worker_s_error_carries_the_index_of_the_example():
    batches = dataio.Batches(Fragile(), 5, shuffle=False, num_workers=2, start_method="fork")
    with pytest.raises(
        dataio.ExampleError, match=r"wanted example 13 of Fragile, got OSError: page torn out"
    ) as caught:
        read(batches, 0, 5)
    assert caught.value.index == 13
    assert 'raise OSError("page torn out")' in str(caught.value)


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_killed_worker_is_reported(num_workers, monkeypatch):
    monkeypatch.setattr(_MultiProcessingDataLoaderIter._try_get_data, "__defaults__", (0.5,))  # seconds; torch's are 5
    before = signal.getsignal(signal.SIGCHLD)
    batches = dataio.Batches(Deadly(), 5, shuffle=False, num_workers=num_workers, start_method="fork")
    started = time.monotonic()
    with pytest.raises(dataio.WorkerError, match=r"(?s)wanted .* batch from the workers, but .*ended.*num_workers=0"):
        read(batches, 0, 5)
    assert time.monotonic() - started < 60
    assert signal.getsignal(signal.SIGCHLD) == before  # torch's handler would raise anywhere, at any time


def test_a_dataset_that_cannot_be_sent_is_refused():
    class Local(Noisy):
        pass

    with pytest.raises(dataio.WorkerError, match=r"wanted a dataset that can be sent .*'spawn'.*top level of a module"):
        dataio.Batches(Local(), 5, num_workers=1, start_method="spawn").from_step(0)


def test_closing_a_stream_ends_its_workers():
    stream = dataio.Batches(Noisy(), 5, num_workers=2, start_method="fork").from_step(0)
    next(stream)
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if not children.exists():
        pytest.skip("this system does not list child processes in /proc")
    assert len(children.read_text().split()) >= 2
    before = set(children.read_text().split())
    stream.close()
    assert len(before - set(children.read_text().split())) >= 2


def test_spawned_workers_read_the_same_and_name_the_broken_example(tmp_path):
    outcome = run_script(tmp_path / "guarded.py", SCRIPT + GUARDED_CALL)
    assert outcome.stdout == "True\n7\n", outcome.stderr


def test_a_script_without_the_main_guard_is_told_so_instead_of_freezing(tmp_path):
    outcome = run_script(tmp_path / "unguarded.py", SCRIPT + CALL)
    assert outcome.returncode != 0
    last_error = outcome.stderr[outcome.stderr.rindex("WorkerError") :]
    assert "wanted a first batch" in last_error
    assert 'if __name__ == "__main__":' in last_error
    assert "but got here while a worker was importing it" in outcome.stderr


def test_bad_worker_settings_are_refused():
    with pytest.raises(ValueError, match="wanted 0 or more workers, got -1"):
        dataio.Batches(Noisy(), 5, num_workers=-1)
