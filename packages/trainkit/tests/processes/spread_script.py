"""What one of several processes does in test_ranks: `spread_script.py RANK WORLD_SIZE FOLDER`. Alone with size 1."""

import json
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from trainkit import (
    Checkpoints,
    MetricsLog,
    ModulePart,
    OptimizerPart,
    RandomPart,
    ShardedPart,
    adamw,
    evaluate,
    log,
    muon,
    spread,
    train_steps,
)

GLOBAL_BATCH, STEPS = 9, 50


def squared_error(model, batch):
    inputs, targets = batch
    return (model(inputs) - targets).square().sum(), len(targets)


def batches(rank, size, start, stop, dtype):
    """Step n's global batch, cut by rank (5 and 4 of 9), then into micro-batches of 2 (3 and 2 of them)."""
    for n in range(start, stop):
        generator = torch.Generator().manual_seed(n)
        inputs = torch.randn(GLOBAL_BATCH, 6, generator=generator, dtype=dtype)
        targets = inputs.flip(1).cumsum(1)
        mine = inputs.tensor_split(size)[rank], targets.tensor_split(size)[rank]
        yield list(zip(mine[0].split(2), mine[1].split(2), strict=True))


def make(how, kind, dtype):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 6)).to(dtype)
    trained = model if how is None else spread(model, how, blocks=[model[2]])
    optimizer = adamw(model, 0.01) if kind == "adamw" else muon(model, 0.02, adam_learning_rate=0.01)
    return model, trained, optimizer


def copied(model, optimizer):
    """Weights and moments, in order: read once from the shards and once from the plain files they must agree."""
    states = [optimizer.state[p] for p in model.parameters()]
    moments = [state[key] for state in states for key in sorted(state) if key != "step"]
    return [tensor.detach().clone() for tensor in [*model.parameters(), *moments]]


def run(rank, size, folder, how, kind, dtype, start=0, stop=STEPS, save_at=None):
    model, trained, optimizer = make(how, kind, dtype)
    parts = {"model": ModulePart(model), "optimizer": OptimizerPart(optimizer, model), "random": RandomPart()}
    checkpoints = Checkpoints(folder / "checkpoints", parts)
    shards = Checkpoints(folder / "shards", {"all": ShardedPart(model, optimizer)})
    if start:
        assert shards.load().step == start
        expected = [p.full_tensor() if how == "fsdp" else p for p in copied(model, optimizer)]
        assert checkpoints.load().step == start
        found = [p.full_tensor() if how == "fsdp" else p for p in copied(model, optimizer)]
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    metrics = MetricsLog(folder, start)
    steps = train_steps(trained, batches(rank, size, start, stop, dtype), squared_error, optimizer, start=start)
    losses = []
    for step in log(steps, metrics, every=5):
        losses.append((step.loss, step.gradient_norm, step.items))
        if step.number == save_at:
            checkpoints.save(step.number, step.loss)
            shards.save(step.number)
    held_out = evaluate(trained, batches(rank, size, 1000, 1003, dtype), squared_error)
    metrics.close()
    return {"losses": losses, "evaluation": held_out.loss, "count": held_out.count}


def main(rank, size, folder):
    torch.set_num_threads(1)
    rank, size, folder = int(rank), int(size), Path(folder)
    if size > 1:
        meeting = f"file://{folder}/meeting"  # where the other does not come within minutes, this one ends too
        dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=size, timeout=timedelta(minutes=5))
    report = folder / f"results-{size}-{rank}.json"
    results = json.loads(report.read_text()) if report.exists() else {}
    for how in () if results else ("ddp", "fsdp") if size > 1 else (None,):
        for kind in ("adamw", "muon"):
            for dtype in (torch.float32, torch.float64):
                name = f"{how}-{kind}-{dtype}".replace("torch.", "")
                results[name] = run(rank, size, folder / str(size) / name, how, kind, dtype, save_at=20)
    for how in ("ddp", "fsdp") if size > 1 else (None,):
        # The other number of processes saved at step 20; go on from there.
        other = folder / ("2" if size == 1 else "1")
        for kind in ("adamw", "muon"):
            for source in sorted(path.name for path in other.glob(f"*-{kind}-float64")):
                copy = folder / "resumed" / f"{size}-{how}-from-{source}"
                if rank == 0:
                    shutil.copytree(other / source, copy, dirs_exist_ok=True)
                if size > 1:
                    dist.barrier()
                results[copy.name] = run(rank, size, copy, how, kind, torch.float64, start=20, stop=30)
    report.write_text(json.dumps(results))
    if size > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
