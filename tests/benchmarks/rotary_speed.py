"""Rotary positions of queries and keys, ours beside transformers' Llama: both in one process, taking turns.

    uv run nox -s bench        or        uv run python tests/benchmarks/rotary_speed.py

Prints medians of several turns for x [8, 12, 1024, 64], float32, forwards and with the gradient, and the most memory
that rotating one x takes beyond x itself, in multiples of x (torch's profiler counts every tensor made).
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from transformers import LlamaConfig
from transformers.models.llama import modeling_llama as llama

from embeddings import RotaryPositions

WARM_UP, TURNS = 5, 15
SHAPE = (8, 12, 1024, 64)
POSITIONS = torch.arange(SHAPE[2])
ours = RotaryPositions(SHAPE[3])
theirs = llama.LlamaRotaryEmbedding(LlamaConfig(hidden_size=768, num_attention_heads=12, head_dim=64))


def rotate_ours(q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    return ours(q, POSITIONS), ours(k, POSITIONS)


def rotate_theirs(q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    return llama.apply_rotary_pos_emb(q, k, *theirs(q, POSITIONS[None]))


def forwards(rotate: Callable[..., tuple[Tensor, Tensor]], q: Tensor, k: Tensor) -> None:
    with torch.inference_mode():
        rotate(q, k)


def with_gradient(rotate: Callable[..., tuple[Tensor, Tensor]], q: Tensor, k: Tensor) -> None:
    q, k = (x.detach().requires_grad_() for x in (q, k))
    torch.autograd.backward(rotate(q, k), [q.detach(), k.detach()])


def milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def peak(rotate: Callable[..., tuple[Tensor, Tensor]], x: Tensor) -> float:
    """The most memory held at a time while one `x` is rotated, in multiples of x."""
    few = x[:1, :1, :, :]  # transformers rotates keys in the same call: these weigh next to nothing
    with torch.inference_mode(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        rotate(x, few)
    held = most = 0
    for event in profiled.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most / (x.numel() * x.element_size())


def main() -> None:
    q, k = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(0))
    for mine, other in zip(rotate_ours(q, k), rotate_theirs(q, k), strict=True):
        torch.testing.assert_close(mine, other)
    threads = torch.get_num_threads()
    print(f"| {list(SHAPE)}, q and k | ours | transformers | ratio | ({threads} threads)\n|---|---|---|---|")
    for name, work in {"forwards, ms": forwards, "with gradient, ms": with_gradient}.items():
        turns = [
            [milliseconds(lambda r=r, w=work: w(r, q, k)) for r in (rotate_ours, rotate_theirs)]
            for _ in range(WARM_UP + TURNS)
        ]
        mine, other = (statistics.median(times) for times in zip(*turns[WARM_UP:], strict=True))
        print(f"| {name} | {mine:.0f} | {other:.0f} | {other / mine:.2f} |")
    mine, other = peak(rotate_ours, q), peak(rotate_theirs, q)
    print(f"| memory beyond x, multiples of x | {mine:.2f} | {other:.2f} | {other / mine:.2f} |")


if __name__ == "__main__":
    main()
