"""Our encoder block against torch.nn.TransformerEncoderLayer, training: forward and backward, both in turns.

    uv run python tests/benchmarks/encoder_layers.py

Prints milliseconds of one pass (the median of all turns), the ratio theirs / ours, and the middle half of the turns'
ratios. Weights are the same in both, and so are the outputs.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from transformer import EncoderBlock, FeedForward

TURNS = 21
SIZES = ((8, 256, 384, 6), (1, 1024, 768, 12))


def pair(n_embd: int, n_head: int, wiring: str, activation: str) -> tuple[nn.Module, nn.Module]:
    """(torch's layer, our block) with the same weights."""
    theirs = nn.TransformerEncoderLayer(
        n_embd, n_head, 4 * n_embd, 0.0, activation, batch_first=True, norm_first=wiring == "pre"
    )
    ours = EncoderBlock(n_embd, n_head, wiring=wiring, feed_forward=partial(FeedForward, activation=activation))
    names = {
        "self_attn.in_proj_": "attention.qkv.",
        "self_attn.out_proj.": "attention.out.",
        "norm1.": "attention_norm.",
        "norm2.": "feed_forward_norm.",
        "linear1.": "feed_forward.up.",
        "linear2.": "feed_forward.down.",
    }
    for theirs_begin, ours_begin in names.items():
        for kind in ("weight", "bias"):
            ours.get_parameter(ours_begin + kind).data.copy_(theirs.get_parameter(theirs_begin + kind).data)
    return theirs, ours


def milliseconds(call: Callable[[Tensor], Tensor], x: Tensor) -> float:
    began = time.perf_counter()
    call(x).sum().backward()
    return (time.perf_counter() - began) * 1000


def compare(batch: int, length: int, n_embd: int, n_head: int, wiring: str, activation: str) -> list[float]:
    """[theirs, ours] in milliseconds, then median and quartiles of the ratio in each turn."""
    theirs, ours = pair(n_embd, n_head, wiring, activation)
    x = torch.randn(batch, length, n_embd, requires_grad=True)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-4, rtol=1e-4)
    turns = [(milliseconds(theirs, x), milliseconds(ours, x)) for _ in range(TURNS + 1)][1:]
    low, middle, high = statistics.quantiles([a / b for a, b in turns], n=4)
    return [statistics.median(side) for side in zip(*turns, strict=True)] + [middle, low, high]


def main() -> None:
    torch.manual_seed(0)
    print(f"| B, T, C, H | block | torch, ms | ours, ms | ratio | middle half | ({torch.get_num_threads()} threads)")
    print("|---|---|---|---|---|---|")
    for sizes in SIZES:
        for wiring, activation in (("pre", "gelu"), ("post", "relu")):
            theirs, ours, middle, low, high = compare(*sizes, wiring, activation)
            shape = ", ".join(map(str, sizes))
            interval = f"{middle:.2f} | {low:.2f}-{high:.2f}"
            print(f"| {shape} | {wiring}, {activation} | {theirs:.0f} | {ours:.0f} | {interval} |")


if __name__ == "__main__":
    main()
