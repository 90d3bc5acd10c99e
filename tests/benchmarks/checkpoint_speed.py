"""Checkpoint writing and reading against the bare disk: `python tests/benchmarks/checkpoint_speed.py [FOLDER]`.

500 MB of weights and AdamW state. Writing: one plain file in sequence and fsynced, against `Checkpoints.save`
(hashes, fsyncs, renames included). Reading: that file read in sequence, against `Checkpoints.load` (every byte
read once, hashed, and put into model and optimizer), each after the page cache was told to drop the
files. Each write ends by removing the file or checkpoint before. Rounds take turns; medians after warm-up rounds, in
which the system finds its memory.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

from trainkit import Checkpoints, ModulePart, OptimizerPart, adamw

WARM_UP, ROUNDS = 3, 9


def make(folder: Path) -> Checkpoints:
    torch.manual_seed(0)
    model = nn.Sequential(*[nn.Linear(2048, 2048, bias=False) for _ in range(10)])  # 168 MB, three times with moments
    optimizer = adamw(model, 1e-3)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    parts = {"optimizer": OptimizerPart(optimizer, model), "model": ModulePart(model)}
    return Checkpoints(folder / "checkpoints", parts, keep=1)


def write_plain(path: Path, n_bytes: int, before: Path, block: bytes = os.urandom(1 << 22)) -> None:
    with path.open("wb", buffering=0) as file:
        for _ in range(n_bytes // len(block)):
            file.write(block)
        os.fsync(file.fileno())
    before.unlink(missing_ok=True)


def read_plain(path: Path) -> None:
    buffer = bytearray(1 << 22)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def forget(paths) -> None:
    """Drop the files from the page cache, where the system lets a program ask for that."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def timed(call, *arguments) -> float:
    began = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - began


def main() -> None:
    torch.set_num_threads(2)
    folder = Path(tempfile.mkdtemp(dir=sys.argv[1] if len(sys.argv) > 1 else None))
    try:
        checkpoints = make(folder)
        saved = checkpoints.save(0)
        n_bytes = sum(path.stat().st_size for path in saved.iterdir())
        seconds: dict[str, list[float]] = {"disk write": [], "save": [], "disk read": [], "load": []}
        for n in range(1, WARM_UP + ROUNDS + 1):
            plain, before = folder / f"plain-{n}", folder / f"plain-{n - 1}"
            seconds["disk write"].append(timed(write_plain, plain, n_bytes, before))
            seconds["save"].append(timed(checkpoints.save, n))
            forget([plain, *(folder / "checkpoints" / f"step-{n:06d}").iterdir()])
            seconds["disk read"].append(timed(read_plain, plain))
            seconds["load"].append(timed(checkpoints.load, n))
        speed = {name: n_bytes / statistics.median(values[WARM_UP:]) / 1e6 for name, values in seconds.items()}
        print(f"{n_bytes / 1e6:.0f} MB, medians of {ROUNDS} rounds that take turns, MB/s")
        for disk, ours in (("disk write", "save"), ("disk read", "load")):
            print(
                f"{disk:>10} {speed[disk]:>7.0f}   {ours} {speed[ours]:>7.0f}   ratio {speed[ours] / speed[disk]:.2f}"
            )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
