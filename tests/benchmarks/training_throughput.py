"""Tokens a second of training, in turns: ours, nanoGPT's shape from torch's modules, `transformers`' GPT-2; float32.

    uv run python tests/benchmarks/training_throughput.py [--shape "L6 C384 T256 B8"] [--rounds 5] [--threads 2]
        [--precisions] [--compiled] [--nanogpt DIR]

--precisions adds ours in 16-bit products, --compiled ours and nanoGPT through torch.compile (a minute more each),
--nanogpt takes a checkout of nanoGPT for that side.
"""

import argparse
import os
import time
from statistics import median

import torch
from training_sides import SHAPES, Shape, batch_of, sides


def turns(makers: dict, shape: Shape, rounds: int) -> dict[str, list[float]]:
    """Seconds of every step by side; the first round warms up and does not count. All learn the same batches."""
    steps = {name: make() for name, make in makers.items()}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        batch, losses = batch_of(shape, number), {}
        for name, step in steps.items():
            began = time.perf_counter()
            losses[name] = step(*batch)
            seconds[name].append(time.perf_counter() - began)
        spread = max(losses.values()) - min(losses.values())
        assert spread < 0.3, f"wanted the sides to learn alike, got losses {losses}"  # each draws its own weights
    return {name: times[1:] for name, times in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, action="append", help="both if left out")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precisions", action="store_true")
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--nanogpt", metavar="DIR", help="a checkout, instead of its shape from torch's modules")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.shape or SHAPES:
        shape = SHAPES[name]
        seconds = turns(sides(shape, options), shape, options.rounds)
        load = os.getloadavg()[0]
        print(f"{name} V{shape.n_vocab}, {options.threads} threads, {options.rounds} rounds, load {load:.1f}")
        print(f"{'':20}{'median s':>9}{'smallest':>10}{'tokens/s':>10}{'theirs / ours':>15}")
        for side, times in seconds.items():
            ratio = median(theirs / mine for theirs, mine in zip(times, seconds["ours"], strict=True))
            rate = shape.batch * shape.time / median(times)
            print(f"{side:20}{median(times):9.2f}{min(times):10.2f}{rate:10.0f}{ratio:15.2f}", flush=True)


if __name__ == "__main__":
    main()
