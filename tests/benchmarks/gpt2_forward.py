"""Forward of 124M at [1, 1024] on CPU: ours, `transformers` with SDPA, and a nanoGPT-style model, in turns.

    python tests/benchmarks/gpt2_forward.py [ROUNDS] [THREADS]

Logits of all 1,024 positions, float32, in inference mode; the weights are random, ours and transformers' the same.
"""

import os
import sys
import time
from statistics import median

import torch
import transformers
from nanogpt_baseline import GPT
from torch import Tensor

import gpt2
from gpt2.files.names import to_published

CONFIG = gpt2.PUBLISHED["gpt2"]


def transformers_model(ours: gpt2.GPT2) -> transformers.GPT2LMHeadModel:
    configuration = transformers.GPT2Config(attn_implementation="sdpa")
    theirs = transformers.GPT2LMHeadModel(configuration).eval()
    missing, unexpected = theirs.load_state_dict(to_published(ours.state_dict(), CONFIG.n_layer), strict=False)
    assert missing == ["lm_head.weight"]  # tied
    assert not unexpected
    return theirs


@torch.inference_mode()
def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 2)
    torch.manual_seed(0)
    ours = gpt2.GPT2(CONFIG).eval()
    theirs = transformers_model(ours)
    nano = GPT(CONFIG.n_vocab, CONFIG.n_ctx, CONFIG.n_embd, CONFIG.n_head, CONFIG.n_layer).eval()
    places = torch.arange(CONFIG.n_ctx)

    def nano_logits(tokens: Tensor) -> Tensor:
        return nano.head(nano.norm(nano.blocks(nano.tokens(tokens) + nano.positions(places))))

    calls = {
        "gpt2": ours,
        "transformers": lambda tokens: theirs(tokens, use_cache=False).logits,
        "nanoGPT": nano_logits,
    }
    tokens = torch.randint(CONFIG.n_vocab, (1, CONFIG.n_ctx))
    torch.testing.assert_close(ours(tokens), calls["transformers"](tokens), atol=1e-4, rtol=0)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):  # the first round warms up and does not count
        for name, call in calls.items():
            start = time.perf_counter()
            call(tokens)
            seconds[name].append(time.perf_counter() - start)
    print(f"{rounds} rounds, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}")
    print(f"{'model':14}{'median ms':>11}{'smallest':>10}{'median of theirs / ours':>26}")
    for name, times in seconds.items():
        ratio = median(theirs / ours for theirs, ours in zip(times[1:], seconds["gpt2"][1:], strict=True))
        print(f"{name:14}{median(times[1:]) * 1000:11.0f}{min(times[1:]) * 1000:10.0f}{ratio:26.2f}")


if __name__ == "__main__":
    main()
