"""Our attention layer against torch.nn.MultiheadAttention, causal, forward and backward: both in one process, in turns.

    uv run python tests/benchmarks/attention_layers.py

Prints milliseconds of one pass (the median of several turns) and the ratio, theirs over ours.
"""

import statistics
import time
from collections.abc import Callable

import torch

from attention import MultiHeadAttention, causal

TURNS = 9
SIZES = ((8, 256, 384, 6), (1, 1024, 768, 12))


def milliseconds(call: Callable[[], torch.Tensor]) -> float:
    began = time.perf_counter()
    call().sum().backward()
    return (time.perf_counter() - began) * 1000


def compare(batch: int, length: int, n_embd: int, n_head: int) -> tuple[float, float]:
    """(theirs, ours) in milliseconds."""
    theirs = torch.nn.MultiheadAttention(n_embd, n_head, batch_first=True)
    ours = MultiHeadAttention(n_embd, n_head)
    x = torch.randn(batch, length, n_embd, requires_grad=True)
    hidden = torch.ones(length, length, dtype=torch.bool).triu(1)

    def their_pass() -> torch.Tensor:
        return theirs(x, x, x, attn_mask=hidden, is_causal=True, need_weights=False)[0]

    turns = [(milliseconds(their_pass), milliseconds(lambda: ours(x, causal()))) for _ in range(TURNS)]
    return statistics.median(a for a, _ in turns[1:]), statistics.median(b for _, b in turns[1:])


def main() -> None:
    print(f"| B, T, C, H | torch, ms | ours, ms | ratio | ({torch.get_num_threads()} threads)\n|---|---|---|---|")
    for sizes in SIZES:
        theirs, ours = compare(*sizes)
        print(f"| {', '.join(map(str, sizes))} | {theirs:.1f} | {ours:.1f} | {theirs / ours:.2f} |")


if __name__ == "__main__":
    main()
