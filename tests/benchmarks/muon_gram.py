"""Muon's step in its plain and its Gram form, in turn, on the matrices of recipe `quick`: CPU ms, and the ratio.

    uv run python tests/benchmarks/muon_gram.py [--turns 30]

One thread, so that CPU seconds are those of the work and not of waiting. The last column is the largest difference of
the two results, whose entries have a root mean square of 1 / sqrt(longer side).
"""

import argparse
import time
from statistics import median

import torch

from trainkit import orthogonalise

SHAPES = ((2, 768, 256), (2, 256, 256), (2, 1024, 256), (2, 256, 1024))


def measured(stacks: list[torch.Tensor], gram: bool) -> float:
    began = time.thread_time()
    for stack in stacks:
        orthogonalise(stack, gram=gram)
    return 1000 * (time.thread_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=30)
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    stacks = [torch.randn(shape, generator=torch.Generator().manual_seed(0)) for shape in SHAPES]
    print(f"{'products':10}{'plain, ms':>11}{'Gram, ms':>10}{'ratio':>7}{'difference':>12}")
    for name, allowed in (("float32", "none"), ("bfloat16", "bf16")):
        torch.backends.mkldnn.matmul.fp32_precision = allowed
        pairs = [(measured(stacks, False), measured(stacks, True)) for _ in range(turns + 2)][2:]
        apart = max(float((orthogonalise(s) - orthogonalise(s, gram=True)).abs().max()) for s in stacks)
        plain, gram = (median(pair[k] for pair in pairs) for k in (0, 1))
        ratio = median(b / a for a, b in pairs)
        print(f"{name:10}{plain:11.1f}{gram:10.1f}{ratio:7.2f}{apart:12.5f}", flush=True)


if __name__ == "__main__":
    main()
