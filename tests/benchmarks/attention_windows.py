"""How much a sliding window gains when computed block by block: against the same mask made dense, taking turns.

    uv run python tests/benchmarks/attention_windows.py

Prints seconds of one forward and backward pass on the CPU (the median of several turns) and the ratio of the two.
"""

import statistics
import time

import torch

from attention import attend, causal, sliding_window

TURNS, WINDOW, HEADS, HEAD_SIZE = 3, 256, 4, 64
LENGTHS = (2048, 8192)


def seconds(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: object) -> float:
    began = time.perf_counter()
    attend(q, k, v, mask).sum().backward()  # type: ignore[arg-type]
    return time.perf_counter() - began


def compare(length: int) -> tuple[float, float]:
    """(dense, windowed) in seconds for one batch row."""
    source = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, HEADS, length, HEAD_SIZE, generator=source, requires_grad=True) for _ in range(3))
    mask = causal() & sliding_window(WINDOW)
    dense = mask.dense(1, length, length)
    turns = [(seconds(q, k, v, dense), seconds(q, k, v, mask)) for _ in range(TURNS)]
    return statistics.median(a for a, _ in turns), statistics.median(b for _, b in turns)


def main() -> None:
    threads = torch.get_num_threads()
    print(f"causal window of {WINDOW}, {HEADS} heads of {HEAD_SIZE}, forward and backward, {threads} threads\n")
    print("| tokens | dense, s | windowed, s | ratio |\n|---|---|---|---|")
    for length in LENGTHS:
        dense, windowed = compare(length)
        print(f"| {length} | {dense:.2f} | {windowed:.2f} | {dense / windowed:.1f} |")


if __name__ == "__main__":
    main()
