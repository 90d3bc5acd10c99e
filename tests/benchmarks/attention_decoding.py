"""One decoding step through a cache against the matrix products that it cannot do without, taking turns.

    uv run python tests/benchmarks/attention_decoding.py

One row, 768 channels in 12 heads, 1024 tokens seen. The products alone: queries, keys and values of one token, its
scores against 1024 keys, its share of 1024 values, and the mixing of the heads. Prints microseconds (medians over
turns) and the ratio of a step to its products, with the interval of its median in 95 of 100 cases.
"""

import math
import statistics
import time
from collections.abc import Callable

import torch
from torch.nn.functional import linear

from attention import KeyValueCache, MultiHeadAttention

N_EMBD, N_HEAD, TOKENS = 768, 12, 1024
TURNS, STEPS = 101, 20
DTYPES = {"float32": torch.float32, "int8": torch.int8}


def microseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(STEPS):
        call()
    return (time.perf_counter() - began) / STEPS * 1e6


def made_step(layer: MultiHeadAttention, kind: torch.dtype) -> tuple[Callable[[], object], Callable[[], object]]:
    """One step, and what takes a turn's tokens back; half of the steps see more than TOKENS, half fewer."""
    cache = KeyValueCache(1, 1, N_HEAD, TOKENS + STEPS, N_EMBD // N_HEAD, dtype=kind)
    before = TOKENS - STEPS // 2
    layer(torch.randn(1, before, N_EMBD), cache=cache.layer(0))
    cache.advance(before)
    token = torch.randn(1, 1, N_EMBD)

    def step() -> None:
        layer(token, cache=cache.layer(0))
        cache.advance(1)

    return step, lambda: cache.cut(before)


def made_products(layer: MultiHeadAttention) -> Callable[[], object]:
    head_size = N_EMBD // N_HEAD
    token, query, weights = torch.randn(1, N_EMBD), torch.randn(N_HEAD, 1, head_size), torch.randn(N_HEAD, 1, TOKENS)
    keys, values = torch.randn(2, N_HEAD, TOKENS, head_size)

    def products() -> None:
        linear(token, layer.qkv.weight, layer.qkv.bias)
        query @ keys.mT
        weights @ values
        linear(token, layer.out.weight, layer.out.bias)

    return products


def compare(layer: MultiHeadAttention, kind: torch.dtype) -> tuple[float, float, str]:
    """Microseconds of the products and of a step, and the ratio in words."""
    (step, take_back), products = made_step(layer, kind), made_products(layer)
    turns = []
    for _ in range(TURNS + 5):
        turns.append((microseconds(products), microseconds(step)))
        take_back()
    ratios = sorted(b / a for a, b in turns[5:])
    lower = math.floor(TURNS / 2 - 0.98 * math.sqrt(TURNS))
    medians = [statistics.median(side) for side in zip(*turns[5:], strict=True)]
    return *medians, f"{statistics.median(ratios):.2f} ({ratios[lower]:.2f}-{ratios[-1 - lower]:.2f})"


def main() -> None:
    layer = MultiHeadAttention(N_EMBD, N_HEAD).eval()
    print(f"| cache | products, us | step, us | ratio | ({torch.get_num_threads()} threads)\n|---|---|---|---|")
    with torch.inference_mode():
        for name, kind in DTYPES.items():
            products, step, ratio = compare(layer, kind)
            print(f"| {name} | {products:.0f} | {step:.0f} | {ratio} |")


if __name__ == "__main__":
    main()
