"""Our attention layer against torch.nn.MultiheadAttention and nanoGPT's, causal, forward and backward, taking turns.

    uv run python tests/benchmarks/attention_layers.py

Prints milliseconds of one pass (medians) and the median of the turns' ratios, theirs over ours, with the interval in
which that median lies in 95 of 100 cases (order statistics of the ratios). "flag" calls torch's layer with is_causal
and without weights, its fastest way; "mask" with the mask and without weights, "default" with the mask alone.
"""

import math
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from attention import MultiHeadAttention, causal

TURNS = 41
SIZES = ((8, 256, 384, 6), (1, 1024, 768, 12))
CALLS = {
    "flag": {"is_causal": True, "need_weights": False},
    "mask": {"need_weights": False},
    "default": {},
}


class NanoAttention(nn.Module):
    """The layer of karpathy/nanoGPT model.py (`CausalSelfAttention`) in its shape: one product in, the kernel with its
    causal flag, one product out."""

    def __init__(self, n_embd: int, n_head: int) -> None:
        super().__init__()
        self.c_attn, self.c_proj, self.n_head = nn.Linear(n_embd, 3 * n_embd), nn.Linear(n_embd, n_embd), n_head

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        shape = batch, length, self.n_head, width // self.n_head
        q, k, v = (part.view(shape).transpose(1, 2) for part in self.c_attn(x).split(width, dim=2))
        y = scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(batch, length, width))


def milliseconds(call: Callable[[], Tensor], upstream: Tensor) -> float:
    began = time.perf_counter()
    call().backward(upstream)
    return (time.perf_counter() - began) * 1000


def sides(batch: int, length: int, n_embd: int, n_head: int) -> tuple[dict[str, Callable[[], Tensor]], Tensor]:
    """The passes by name, ours first, and a gradient to send back."""
    x = torch.randn(batch, length, n_embd, requires_grad=True)
    ours, nano = MultiHeadAttention(n_embd, n_head), NanoAttention(n_embd, n_head)
    theirs = nn.MultiheadAttention(n_embd, n_head, batch_first=True)
    hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
    passes: dict[str, Callable[[], Tensor]] = {"ours": lambda: ours(x, causal()), "nanoGPT": lambda: nano(x)}
    for name, given in CALLS.items():
        passes[f"torch, {name}"] = lambda given=given: theirs(x, x, x, attn_mask=hidden, **given)[0]  # type: ignore[misc]
    return passes, torch.randn(batch, length, n_embd)


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """The median, and the two order statistics that enclose the true one in 95 of 100 cases."""
    ordered, n = sorted(ratios), len(ratios)
    lower = max(0, math.floor(n / 2 - 0.98 * math.sqrt(n)))
    return statistics.median(ordered), ordered[lower], ordered[n - 1 - lower]


def compare(*sizes: int) -> None:
    passes, upstream = sides(*sizes)
    turns: list[dict[str, float]] = []
    for turn in range(TURNS + 2):  # two to warm up; who begins goes round
        names = list(passes)[turn % len(passes) :] + list(passes)[: turn % len(passes)]
        turns.append({name: milliseconds(passes[name], upstream) for name in names})
    ours = statistics.median(turn["ours"] for turn in turns[2:])
    for name in list(passes)[1:]:
        middle, low, high = interval([turn[name] / turn["ours"] for turn in turns[2:]])
        theirs = statistics.median(turn[name] for turn in turns[2:])
        shown = f"{middle:.2f} ({low:.2f}-{high:.2f})"
        print(f"| {', '.join(map(str, sizes))} | {name} | {theirs:.1f} | {ours:.1f} | {shown} |")


def main() -> None:
    print(f"| B, T, C, H | theirs | ms | ours, ms | ratio | ({torch.get_num_threads()} threads)\n|---|---|---|---|---|")
    for sizes in SIZES:
        compare(*sizes)


if __name__ == "__main__":
    main()
