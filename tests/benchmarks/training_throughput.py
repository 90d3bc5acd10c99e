"""Tokens a second and peak memory of training, in turns, float32: ours, nanoGPT's shape from torch's modules,
`transformers`' GPT-2.

    uv run python tests/benchmarks/training_throughput.py [--shape "L6 C384 T256 B8"] [--rounds 5] [--threads 2]
        [--precisions] [--compiled] [--nanogpt DIR]

Every side has a process of its own (what one sets for its whole process is not the others'), and they take a step each
in turn. --precisions adds ours in 16-bit products, --compiled ours and nanoGPT through torch.compile (a minute more
each), --nanogpt takes a checkout of nanoGPT for that side.
"""

import argparse
import multiprocessing
import os
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from statistics import median

import torch
from training_sides import SHAPES, Shape, batch_of, sides

from tensors import spin_briefly
from trainkit import peak_memory


def serve(name: str, shape: Shape, options: argparse.Namespace, orders: Connection) -> None:
    """One side: a step for each number that comes, answered by its seconds and loss; at the end how many bytes the
    process has grown at its fullest, the imported torch and whatever else it began with left out."""
    began_with = peak_memory()
    torch.set_num_threads(options.threads)
    step = sides(shape, options)[name]()
    while (number := orders.recv()) is not None:
        batch, began = batch_of(shape, number), time.perf_counter()
        loss = step(*batch)
        orders.send((time.perf_counter() - began, loss))
    orders.send(peak_memory() - began_with)


def turns(shape: Shape, options: argparse.Namespace) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Seconds of every step by side, and the most bytes that its process grew by; the first two rounds warm up and do
    not count. All learn the same batches."""
    context, seconds = multiprocessing.get_context("spawn"), {name: [] for name in sides(shape, options)}
    usual = dict(os.environ)
    with ExitStack() as ends:
        places = {}
        for name in seconds:
            places[name], far = context.Pipe()
            process = context.Process(target=serve, args=(name, shape, options, far), daemon=True)
            if name.startswith("ours"):
                spin_briefly()  # as `train` does
            process.start()
            for variable in os.environ.keys() - usual.keys():
                del os.environ[variable]
            ends.callback(process.join)
        for number in range(options.rounds + 2):
            losses = {}
            for name, place in places.items():
                place.send(number)
                spent, losses[name] = place.recv()
                seconds[name].append(spent)
            spread = max(losses.values()) - min(losses.values())
            assert spread < 0.3, f"wanted the sides to learn alike, got losses {losses}"  # each draws its own weights
        peaks = {}
        for name, place in places.items():
            place.send(None)
            peaks[name] = place.recv()
    return {name: times[2:] for name, times in seconds.items()}, peaks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, action="append", help="both if left out")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precisions", action="store_true")
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--nanogpt", metavar="DIR", help="a checkout, instead of its shape from torch's modules")
    options = parser.parse_args()
    for name in options.shape or SHAPES:
        shape = SHAPES[name]
        seconds, peaks = turns(shape, options)
        load = os.getloadavg()[0]
        print(f"{name} V{shape.n_vocab}, {options.threads} threads, {options.rounds} rounds, load {load:.1f}")
        columns = f"{'median s':>9}{'smallest':>10}{'tokens/s':>10}{'theirs/ours':>13}"
        print(f"{'':20}{columns}{'grows GB':>10}{'ours/theirs':>13}")
        for side, times in seconds.items():
            ratio = median(theirs / mine for theirs, mine in zip(times, seconds["ours"], strict=True))
            rate = shape.batch * shape.time / median(times)
            held, share = peaks[side] / 1e9, peaks["ours"] / peaks[side]
            print(f"{side:20}{median(times):9.2f}{min(times):10.2f}{rate:10.0f}{ratio:13.2f}{held:10.2f}{share:13.2f}")


if __name__ == "__main__":
    main()
