"""`quantization benchmark`: tokens a second of every precision on this machine, as table and picture."""

import sys

import torch

import gpt2
from workbench import check_picture, shown

from ..costs.benchmark import SCHEMES, benchmark, memory_bandwidth, plot_speeds, table
from ..schemes import scheme
from .settings import Benchmark


def run_benchmark(command: Benchmark) -> None:
    """The table to standard output; ValueError for what makes no sense."""
    schemes = command.schemes or SCHEMES
    for name in schemes:
        scheme(name)
    if min(command.rows, default=0) < 1 or command.tokens < 1 or command.turns < 1:
        raise ValueError(
            f"--rows, --tokens, --turns: wanted numbers of at least 1, got {command.rows}, {command.tokens} and "
            f"{command.turns}; 1 8, 32 and 5 are usual"
        )
    check_picture(command.out, "quantization")
    model, _ = gpt2.load(command.source)
    rows, turns = command.rows, command.turns
    with shown("quantization", f"measuring {', '.join(schemes)} in turns") as progress:
        found = benchmark(model.eval(), schemes, rows=rows, new_tokens=command.tokens, turns=turns, progress=progress)
    sys.stdout.write(f"{table(found)}\n")
    sys.stderr.write(
        f"quantization: {torch.get_num_threads()} threads, which read memory at {memory_bandwidth() / 1e9:.1f} GB/s\n"
    )
    if command.out is not None:
        plot_speeds(found).savefig(command.out, dpi=120)
        sys.stderr.write(f"quantization: picture in {command.out}\n")
