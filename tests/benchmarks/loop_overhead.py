"""What `train_steps` costs over a loop written by hand: `python tests/benchmarks/loop_overhead.py`.

The same small model, batches and optimizer; both loops take turns step by step, the CPU time of every step is
taken (which other programs on the machine disturb least), medians are compared.
The hand-written loop clips and reads its loss, as any loop does that watches itself.
"""

import statistics
import sys
import time

import torch
from torch import nn

from trainkit import adamw, cross_entropy, train_steps

ROUNDS, STEPS = 40, 15


def make(width: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, width), nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, 10))
    return model, adamw(model, 1e-3)


def by_hand(model, optimizer, batches):
    model.train()
    for inputs, targets in batches:
        optimizer.zero_grad(set_to_none=True)
        total, count = cross_entropy(model(inputs), targets)
        loss = total / count
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        yield loss.item()


def with_trainkit(model, optimizer, batches):
    def loss(model, batch):
        return cross_entropy(model(batch[0]), batch[1])

    yield from train_steps(model, [[batch] for batch in batches], loss, optimizer)


def main() -> None:
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    print(f"{'width':>6} {'by hand, ms':>12} {'train_steps, ms':>16} {'ratio':>7}")
    for width in (256, 512):
        generator = torch.Generator().manual_seed(0)
        batches = [
            (torch.randn(256, 64, generator=generator), torch.randint(10, (256,), generator=generator))
            for _ in range(STEPS)
        ]
        loops = [loop(*make(width), batches * ROUNDS) for loop in (by_hand, with_trainkit)]
        seconds: list[list[float]] = [[], []]
        for n in range(STEPS * ROUNDS):
            for i in (0, 1) if n % 2 else (1, 0):
                began = time.process_time()
                next(loops[i])
                seconds[i].append(time.process_time() - began)
        ours, theirs = statistics.median(seconds[1]) * 1e3, statistics.median(seconds[0]) * 1e3
        print(f"{width:>6} {theirs:>12.3f} {ours:>16.3f} {ours / theirs:>7.3f}")


if __name__ == "__main__":
    main()
