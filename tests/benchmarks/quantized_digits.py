"""Accuracy of mnist_trainer's network on MNIST in float32 and in every scheme: learn from four fifths, judge the other.

    uv run python tests/benchmarks/quantized_digits.py --data DIR [--epochs 2] [--folds 5]

DIR holds MNIST's train files. The network is trained by the very run that `mnist-trainer --data mnist` makes.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from mnist_folds import train_fold, write_fold

from dataio import mnist, permute
from mnist_trainer import TrainSettings, judge, load, wilson_interval
from quantization import bytes_of, quantize

SCHEMES = ("int8", "int8-weight-only", "int4", "bfloat16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with MNIST's train files")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--folds", type=int, default=5)
    arguments, _ = parser.parse_known_args()
    if arguments.data is None:
        print("quantized_digits: not run: it wants MNIST's files; give their folder with --data DIR")
        sys.exit(0)
    pixels, labels = (array.numpy() for array in mnist("train", mnist_root=arguments.data).arrays)
    images = (pixels[:, 0] * 255).round().astype(np.uint8)
    fold_of = permute(np.arange(len(images)), len(images), (0,)) % arguments.folds
    right, other, size = Counter[str](), Counter[str](), Counter[str]()
    for fold in range(arguments.folds):
        with tempfile.TemporaryDirectory() as folder:
            root, out = Path(folder), Path(folder) / "run"
            write_fold(root, images, labels, fold_of == fold)
            train_fold(TrainSettings(data="mnist", mnist_root=root, out=out, epochs=arguments.epochs, device="cpu"))
            model, test = load(out).model.eval(), mnist("test", mnist_root=root)
            base = judge(model, test)
            right["float32"] += base.n_correct
            size["float32"] = bytes_of(model)
            for name in SCHEMES:
                small = quantize(model, name)
                found = judge(small, test)
                right[name] += found.n_correct
                other[name] += int((found.answers != base.answers).sum())
                size[name] = bytes_of(small)
    low, high = wilson_interval(right["float32"], len(images))
    print(f"{len(images):,} images held out, {arguments.epochs} epochs; float32 in 95 of 100: {low:.2%} to {high:.2%}")
    print("| | bytes | right | accuracy | change | other answers |\n|---|--:|--:|--:|--:|--:|")
    for name, count in right.items():
        change = (count - right["float32"]) / len(images)
        print(f"| {name} | {size[name]:,} | {count:,} | {count / len(images):.2%} | {change:+.2%} | {other[name]} |")


if __name__ == "__main__":
    main()
