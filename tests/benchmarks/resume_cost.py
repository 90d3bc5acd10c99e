"""What going on costs: weights and optimizer state of GPT-2 124M saved and loaded, and the way back to a step's data.

    uv run python tests/benchmarks/resume_cost.py [--turns 3] [--steps 2000] [--size gpt2]

Ours are `trainkit.Checkpoints` (safetensors, every byte hashed and flushed) and `dataio.Batches.from_step`; beside them
`torch.save` and `torch.load` of the same tensors, neither hashed nor flushed, and torch's DataLoader, whose batches
have to be drawn and thrown away up to the step, as `transformers`' Trainer does. In turns; medians.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

import gpt2
from dataio import Batches, TokenWindows
from trainkit import Checkpoints, ModulePart, OptimizerPart, adamw

BATCH, TIME = 8, 1024


def trained(size: str) -> tuple[gpt2.GPT2, torch.optim.Optimizer]:
    model = gpt2.GPT2(gpt2.PUBLISHED[size], generator=torch.Generator().manual_seed(0))
    optimizer = adamw(model, 1e-4)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return model, optimizer


def seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def checkpoints(folder: Path, size: str) -> dict[str, dict[str, Callable[[], Any]]]:
    model, optimizer = trained(size)
    ours = Checkpoints(
        folder / "ours", {"model": ModulePart(model), "optimizer": OptimizerPart(optimizer, model)}, keep=1
    )
    number = iter(range(1, 1000))
    file = folder / "theirs.pt"

    def load() -> None:
        state = torch.load(file)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])

    def save() -> None:
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)

    return {
        "save": {"ours": lambda: ours.save(next(number)), "theirs": save},
        "load": {"ours": ours.load, "theirs": load},
    }


def data(steps: int) -> dict[str, Callable[[], Any]]:
    tokens = np.random.default_rng(0).integers(50257, size=steps * BATCH * TIME // 4 + 1, dtype=np.uint16)
    windows = TokenWindows(tokens, TIME)
    rows = torch.from_numpy(tokens[:-1].astype(np.int32)).view(-1, TIME)

    def ours() -> None:
        with Batches(windows, BATCH, drop_last=True).from_step(steps, steps + 1) as stream:
            next(stream)

    def theirs() -> None:
        passed, loader = 0, DataLoader(TensorDataset(rows), BATCH, shuffle=True, drop_last=True)
        while passed < steps:
            passed += sum(1 for _ in islice(loader, steps - passed))

    return {"ours": ours, "theirs": theirs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2000, help="how far into the data, of 8 windows of 1,024 tokens")
    parser.add_argument("--size", choices=gpt2.PUBLISHED, default="gpt2")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = {**checkpoints(Path(folder), options.size), f"data of step {options.steps:,}": data(options.steps)}
        print(f"{'':24}{'ours s':>10}{'theirs s':>10}{'theirs/ours':>13}")
        for name, sides in rows.items():
            times: dict[str, list[float]] = {side: [] for side in sides}
            for _ in range(options.turns + 1):
                for side, call in sides.items():
                    times[side].append(seconds(call))
            mine, theirs = (statistics.median(found[1:]) for found in times.values())
            print(f"{name:24}{mine:10.3f}{theirs:10.3f}{theirs / mine:13.2f}", flush=True)


if __name__ == "__main__":
    main()
