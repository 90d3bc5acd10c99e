"""Causal attention of short texts on a CPU: the fused kernel beside two products around a softmax, forwards and
backwards, in bfloat16, in float32 with 16-bit products ("medium"), and in float32.

    uv run python tests/benchmarks/attention_short.py [REPEATS]

Above 1: the products are faster. `attend` takes them where they are: see `attention/kernels/short.py`."""

import sys
import time
from statistics import median

import torch
from torch.nn.functional import scaled_dot_product_attention

from attention.kernels.short import attend_products

SHAPES = [(64, 32, 4, 64), (32, 64, 4, 64), (32, 128, 6, 32), (8, 256, 6, 64), (4, 512, 6, 64)]


def fused(q, k, v):
    return scaled_dot_product_attention(q, k, v, is_causal=True)


def seconds(attend, packed):
    packed = packed.clone().requires_grad_()
    q, k, v = (part.transpose(1, 2) for part in packed.unbind(2))
    begin = time.perf_counter()
    attend(q, k, v).sum().backward()
    return time.perf_counter() - begin


def main(repeats: int = 15) -> None:
    print("ms forwards and backwards, fused / products (ratio)")
    for batch, length, heads, width in SHAPES:
        shown = []
        for name, dtype, precision in (
            ("bfloat16", torch.bfloat16, "highest"),
            ("medium", torch.float32, "medium"),
            ("float32", torch.float32, "highest"),
        ):
            torch.set_float32_matmul_precision(precision)
            packed = torch.randn(batch, length, 3, heads, width, dtype=dtype)
            pairs = [(seconds(fused, packed), seconds(attend_products, packed)) for _ in range(repeats)]
            theirs, ours = (1e3 * median(side) for side in zip(*pairs, strict=True))
            shown.append(f"{name} {theirs:6.1f} / {ours:6.1f} ({median(a / b for a, b in pairs):.2f})")
        print(f"[B {batch}, H {heads}, T {length}, D {width}]  " + "   ".join(shown), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
