"""Token windows from a warm file of 50 million tokens: ours, through the loader and bare, and nanoGPT's way of reading.

    python tests/benchmarks/loader_windows.py

Both sides take turns on the same file; medians over the rounds. nanoGPT's way (its train.py, `get_batch`): random
places with replacement, one slice, cast and tensor for each row of inputs and of targets, then stacked.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import dataio

ROUNDS = 15
COUNT = 50_000_000
STEPS = 50
SHAPES = ((12, 1024), (64, 256))


def rows_by_slices(tokens: np.memmap, batch_size: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    places = torch.randint(len(tokens) - length, (batch_size,)).tolist()
    inputs = torch.stack([torch.from_numpy(tokens[p : p + length].astype(np.int64)) for p in places])
    targets = torch.stack([torch.from_numpy(tokens[p + 1 : p + 1 + length].astype(np.int64)) for p in places])
    return inputs, targets


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokens.bin"
        dataio.write_tokens(path, np.random.default_rng(0).integers(0, 50_257, COUNT, dtype=np.uint16), 50_257)
        tokens = dataio.read_tokens(path)
        int(tokens.sum())  # warms the file
        print(f"{COUNT:,} tokens of 2 bytes, {STEPS} batches a round, {ROUNDS} rounds; a target token counts once")
        print(f"{'shape':>10} {'reader':<26} {'million tokens/s':>17} {'time x ours':>12}")
        for batch_size, length in SHAPES:
            compare(tokens, batch_size, length)
        del tokens


def compare(tokens: np.memmap, batch_size: int, length: int) -> None:
    windows = dataio.TokenWindows(tokens, length)
    batches = dataio.Batches(windows, batch_size)

    def through_the_loader(turn: int) -> None:
        with batches.from_step(turn * STEPS, (turn + 1) * STEPS) as stream:
            for _ in stream:
                pass

    def by_index(turn: int) -> None:
        for step in range(turn * STEPS, (turn + 1) * STEPS):
            batches[step]

    def by_slices(turn: int) -> None:
        for _ in range(STEPS):
            rows_by_slices(tokens, batch_size, length)

    sides: dict[str, Callable[[int], None]] = {
        "Batches.from_step": through_the_loader,
        "batches[n]": by_index,
        "slices, one row at a time": by_slices,
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(ROUNDS + 1):
        for name, read in sides.items():
            start = time.perf_counter()
            read(turn)
            if turn:  # the first one warms up
                times[name].append(time.perf_counter() - start)
    ours = statistics.median(times["Batches.from_step"])
    for name in sides:
        median = statistics.median(times[name])
        rate = STEPS * batch_size * length / median / 1e6
        print(f"{f'{batch_size} x {length}':>10} {name:<26} {rate:>17.1f} {median / ours:>12.2f}")


if __name__ == "__main__":
    main()
