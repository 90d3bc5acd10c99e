"""Accuracy of mnist_trainer's recipe for MNIST by cross-validation: learn from four fifths, judge the other fifth.

    uv run python tests/benchmarks/mnist_folds.py --mnist-root DIR [--folds 5] [--only 1] [--epochs N]

Each fold is written as MNIST files and trained by the very run that `mnist-trainer --data mnist --mnist-root` makes.
"""

import argparse
import struct
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median

import numpy as np

from dataio import mnist, permute
from mnist_trainer import TrainSettings, run, wilson_interval
from trainkit import progress


def write_fold(folder: Path, images: np.ndarray, labels: np.ndarray, judged: np.ndarray) -> None:
    """MNIST's four files: uint8 images "N 28 28" and labels " N", those of `judged` as the test files."""
    for name, chosen in {"train": ~judged, "t10k": judged}.items():
        for kind, array in {"images-idx3": images[chosen], "labels-idx1": labels[chosen]}.items():
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (folder / f"{name}-{kind}-ubyte").write_bytes(header + array.astype(np.uint8).tobytes())


def train_fold(settings: TrainSettings) -> tuple[int, int, float]:
    """Right answers, judged images, and seconds from reading the files to the pictures."""
    began = time.perf_counter()
    training = run(settings)
    for _ in progress(training, total=training.total, unit="images"):
        pass
    assert training.judgement is not None
    return training.judgement.n_correct, len(training.judgement.labels), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist-root", type=Path, help="folder with MNIST's train files")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", type=int, help="run just this fold, counted from 1")
    parser.add_argument("--epochs", type=int, help="default: the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    arguments, _ = parser.parse_known_args()
    if arguments.mnist_root is None:
        print("mnist_folds: not run: it wants MNIST's files; give their folder with --mnist-root DIR")
        sys.exit(0)
    pixels, labels = (array.numpy() for array in mnist("train", mnist_root=arguments.mnist_root).arrays)
    images = (pixels[:, 0] * 255).round().astype(np.uint8)
    fold_of = permute(np.arange(len(images)), len(images), (0,)) % arguments.folds
    results = []
    print(f"{'fold':>5} {'right':>7} {'of':>7} {'accuracy':>9} {'seconds':>8}")
    for fold in range(arguments.folds):
        if arguments.only not in (None, fold + 1):
            continue
        with tempfile.TemporaryDirectory() as folder:
            write_fold(Path(folder), images, labels, fold_of == fold)
            root, out = Path(folder), Path(folder) / "run"
            settings = TrainSettings(
                data="mnist", mnist_root=root, out=out, epochs=arguments.epochs, seed=arguments.seed, device="cpu"
            )
            results.append(train_fold(settings))
        right, judged, seconds = results[-1]
        print(f"{fold + 1:>5} {right:>7,} {judged:>7,} {right / judged:>9.2%} {seconds:>8.0f}", flush=True)
    right, judged, seconds = zip(*results, strict=True)
    low, high = wilson_interval(sum(right), sum(judged))
    accuracy = mean(r / j for r, j in zip(right, judged, strict=True))
    print(f" mean {sum(right):>7,} {sum(judged):>7,} {accuracy:>9.2%} {median(seconds):>8.0f} (median)")
    print(f"95 % interval of all {sum(judged):,} answers: {low:.2%} to {high:.2%}")


if __name__ == "__main__":
    main()
