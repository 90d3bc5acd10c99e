"""Memory of causal attention over 8,192 tokens, forwards and backwards: growth of the process, each side in its own.

    uv run python tests/benchmarks/attention_memory.py [--tokens 8192]

One row, 768 wide, 12 heads, float32. "dense": the same layer given the causal mask as a tensor [T, T] and the readable
reference, which holds the weights; run at a quarter of the length, since it grows with the square.
"""

import argparse
import resource
import subprocess
import sys


def growth(side: str, tokens: int) -> float:
    """MB by which the highest resident memory of this process grows; torch is warm before."""
    import torch

    from attention import MultiHeadAttention, attend_reference

    def run(length: int) -> None:
        layer, x = MultiHeadAttention(768, 12), torch.randn(1, length, 768, requires_grad=True)
        if side == "dense":
            q = x.view(1, length, 12, 64).transpose(1, 2)
            attend_reference(q, q, q, torch.ones(1, 1, length, length, dtype=torch.bool).tril())[0].sum().backward()
        else:
            from attention import causal

            layer(x, causal()).sum().backward()

    run(64)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run(tokens)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--side", choices=["ours", "dense"])
    arguments = parser.parse_args()
    if arguments.side:
        print(growth(arguments.side, arguments.tokens))
        return
    print("    side   tokens  growth in MB")
    for side, tokens in (("ours", arguments.tokens // 2), ("ours", arguments.tokens), ("dense", arguments.tokens // 4)):
        command = [sys.executable, __file__, "--side", side, "--tokens", str(tokens)]
        print(f"{side:>8} {tokens:>8,} {float(subprocess.check_output(command)):>13,.0f}", flush=True)


if __name__ == "__main__":
    main()
