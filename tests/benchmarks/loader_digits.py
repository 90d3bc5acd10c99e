"""One epoch of the digits with the same deterministic transform, in this process: ours and torch's DataLoader.

    python tests/benchmarks/loader_digits.py

Both sides take turns; medians over the rounds. `fetch` is a dataset read a batch at a time, `__getitem__` one read an
example at a time; `__getitems__` is DataLoader's own way to read many at once, though it stacks them one by one.
"""

import statistics
import time
from collections.abc import Callable, Iterable

import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

import dataio

ROUNDS = 15
BATCH_SIZES = (32, 128)


class OneByOne(Dataset):
    """The digits as a dataset for DataLoader, transformed one at a time."""

    def __init__(self, arrays: tuple[torch.Tensor, ...], transform: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.arrays, self.transform = arrays, transform

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.transform(self.arrays[0][index]), self.arrays[1][index]


class ManyAtOnce(OneByOne):
    def __getitems__(self, indices: list[int]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        images, labels = self.transform(self.arrays[0][indices]), self.arrays[1][indices]
        return list(zip(images, labels, strict=True))


def epoch_seconds(make: Callable[[], Iterable[object]]) -> float:
    start = time.perf_counter()
    for _ in make():
        pass
    return time.perf_counter() - start


def main() -> None:
    digits = dataio.digits("train")
    normalise = dataio.normalise(dataio.statistics(digits))
    reference = TensorDataset(*digits.arrays)
    print(f"{len(reference)} digits, normalized, num_workers=0, {torch.get_num_threads()} threads, {ROUNDS} rounds")
    print(f"{'batch':>5} {'loader':<28} {'ms an epoch':>12} {'images/s':>12} {'time x ours':>12}")
    for batch_size in BATCH_SIZES:
        at_once = dataio.Batches(dataio.BatchTransformed(digits, normalise), batch_size)
        one_by_one = dataio.Batches(dataio.Transformed(digits, normalise), batch_size)
        sides: dict[str, Callable[[], Iterable[object]]] = {
            "Batches, fetch": lambda batches=at_once: batches,
            "DataLoader, __getitem__": lambda size=batch_size: DataLoader(
                OneByOne(digits.arrays, normalise), size, shuffle=True
            ),
            "DataLoader, __getitems__": lambda size=batch_size: DataLoader(
                ManyAtOnce(digits.arrays, normalise), size, shuffle=True
            ),
            "Batches, __getitem__": lambda batches=one_by_one: batches,
        }
        times: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(ROUNDS + 1):
            for name, make in sides.items():
                seconds = epoch_seconds(make)
                if turn:  # the first one warms up
                    times[name].append(seconds)
        ours = statistics.median(times["Batches, fetch"])
        for name in sides:
            median = statistics.median(times[name])
            rate = len(digits) / median
            print(f"{batch_size:>5} {name:<28} {median * 1e3:>12.2f} {rate:>12,.0f} {median / ours:>12.2f}")


if __name__ == "__main__":
    main()
