"""How much the fast path of attention gains over the readable reference: both in one process, taking turns.

    uv run nox -s bench

Prints milliseconds of one call (the fastest of several turns) at GPT-2's head shape, and the ratio of the two.
"""

import time
from collections.abc import Callable

import torch

from attention import attend, attend_reference, causal

TURNS = 7
LENGTHS = (64, 256, 1024)


def milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def compare(length: int) -> tuple[float, float]:
    """(reference, fast) in milliseconds for one batch row of 12 heads of 64 over `length` tokens, causally masked."""
    q, k, v = torch.randn(3, 1, 12, length, 64, generator=torch.Generator().manual_seed(0))
    mask = causal().dense(1, length, length, "cpu")
    turns = [
        (milliseconds(lambda: attend_reference(q, k, v, mask)), milliseconds(lambda: attend(q, k, v, causal())))
        for _ in range(TURNS)
    ]
    references, fasts = zip(*turns[1:], strict=True)  # the first turn warms up
    return min(references), min(fasts)


def main() -> None:
    print(f"| tokens | reference, ms | fast, ms | ratio | ({torch.get_num_threads()} threads)\n|---|---|---|---|")
    with torch.inference_mode():
        for length in LENGTHS:
            reference, fast = compare(length)
            print(f"| {length} | {reference:.2f} | {fast:.2f} | {reference / fast:.1f} |")


if __name__ == "__main__":
    main()
