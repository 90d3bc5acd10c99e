"""A short run that tests start, kill and resume as a process: `python run_script.py FOLDER STEPS [DIE_AT]`."""

import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn

import trainkit.checkpoints.checkpoints
from tensors import seed_all
from trainkit import Checkpoints, ModulePart, OptimizerPart, RandomPart, cosine, muon, train_steps


class Batches:
    """`batches[n]` is a pure function of n, as dataio's."""

    def __init__(self, start, stop):
        self.start, self.stop = start, stop

    def __iter__(self):
        for n in range(self.start, self.stop):
            generator = torch.Generator().manual_seed(n)
            yield [torch.randn(size, 6, generator=generator) for size in (5, 3)]


def loss(model, batch):
    return (model(batch) - batch.flip(1)).square().sum(), len(batch)


def run(folder, steps, every=3):
    """Train to `steps`, going on from the newest checkpoint where there is one; yields each step."""
    seed_all(3)
    model = nn.Sequential(nn.Linear(6, 12), nn.Dropout(0.3), nn.BatchNorm1d(12), nn.Linear(12, 12), nn.Linear(12, 6))
    optimizer = muon(model, 0.02, adam_learning_rate=0.01)
    parts = {"model": ModulePart(model), "optimizer": OptimizerPart(optimizer, model), "random": RandomPart()}
    checkpoints = Checkpoints(folder, parts)
    start = checkpoints.load().step if checkpoints.steps() else 0
    schedule = cosine(steps, warmup=4)
    for step in train_steps(model, Batches(start, steps), loss, optimizer, schedule=schedule):
        if step.number % every == 0 or step.number == steps:
            checkpoints.save(step.number, step.loss)
        yield step


def main(folder, steps, die_at=None):
    """Run to the end, or kill this very process in the checkpoint of step `die_at`, before it gets its name."""
    torch.set_num_threads(1)
    for step in run(Path(folder), int(steps)):
        if die_at is not None and step.number == int(die_at) - 1:
            trainkit.checkpoints.checkpoints.replace_folder = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
