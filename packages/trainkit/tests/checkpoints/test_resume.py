"""A run that was stopped, or killed, and resumed ends with the same bits as one that was not."""

import random
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tensors import seed_all
from trainkit import Checkpoints, ModulePart, OptimizerPart, RandomPart, adamw, muon, train_steps

SCRIPT = Path(__file__).with_name("run_script.py")


def make_run(folder, kind):
    seed_all(5)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.4), nn.Linear(8, 8), nn.Linear(8, 4))
    makers = {
        "adamw": lambda: adamw(model, 0.01),
        "muon": lambda: muon(model, 0.02, adam_learning_rate=0.01),
        "even": lambda: muon(model, 0.02, adam_learning_rate=0.01, even=True, cautious=True),
        "sgd": lambda: torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
        "adagrad": lambda: torch.optim.Adagrad(model.parameters(), lr=0.1),
    }
    optimizer = makers[kind]()
    parts = {"model": ModulePart(model), "optimizer": OptimizerPart(optimizer, model), "random": RandomPart()}
    return model, optimizer, Checkpoints(folder, parts)


def batches(start, stop):
    return [[torch.randn(6, 4, generator=torch.Generator().manual_seed(n))] for n in range(start, stop)]


def loss(model, batch):
    return (model(batch) - batch).square().sum() + torch.randn(()), len(batch)


@pytest.mark.parametrize("kind", ["adamw", "muon", "even", "sgd", "adagrad"])
@pytest.mark.parametrize("at", [1, 4])
def test_a_resumed_run_has_the_same_bits(tmp_path, kind, at):
    model, optimizer, _ = make_run(tmp_path, kind)
    unbroken = [step.loss for step in train_steps(model, batches(0, 8), loss, optimizer)]

    again, optimizer, checkpoints = make_run(tmp_path, kind)
    losses = [step.loss for step in train_steps(again, batches(0, at), loss, optimizer)]
    checkpoints.save(at, losses[-1], {"note": "half way"})
    torch.randn(99)

    resumed, optimizer, checkpoints = make_run(tmp_path, kind)
    storage = [p.data_ptr() for p in resumed.parameters()]
    saved = checkpoints.load()
    assert (saved.step, saved.score, saved.extra) == (at, losses[-1], {"note": "half way"})
    losses += [step.loss for step in train_steps(resumed, batches(at, 8), loss, optimizer, start=at)]
    assert losses == unbroken
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), resumed.parameters(), strict=True))
    assert [p.data_ptr() for p in resumed.parameters()] == storage


STEPS = 90


def check_kills(start_script, finish, folder, kills):
    """Kill runs at random moments, each again and again until it arrives at the end; returns where the kills fell."""
    draw = random.Random(0)
    assert finish(start_script(SCRIPT, folder / "whole", STEPS)) == 0
    fell = {"checkpoint": 0, "elsewhere": 0}
    for number in range(10**6):
        run, last_run = folder / str(number), False
        while True:
            last_run = sum(fell.values()) == kills
            process = start_script(SCRIPT, run, STEPS)
            while not last_run and process.is_alive() and not (run / "latest").exists():
                process.join(0.002)
            process.join(120 if last_run else draw.uniform(0.0, 0.5))
            process.kill()
            code = finish(process)
            if code == 0:
                break
            assert code == -signal.SIGKILL
            fell["checkpoint" if list(run.glob(".saving-*")) else "elsewhere"] += 1
        for part in ("model", "optimizer", "random"):
            name = f"step-{STEPS:06d}/{part}.safetensors"
            assert (folder / "whole" / name).read_bytes() == (run / name).read_bytes(), (number, name)
        assert not list(run.glob(".*"))
        if last_run:
            break
    return fell


def test_sigkill_at_random_moments_costs_no_bit(tmp_path, start_script, finish):
    check_kills(start_script, finish, tmp_path, kills=5)


@pytest.mark.slow
def test_sigkill_two_hundred_times(tmp_path, start_script, finish):
    fell = check_kills(start_script, finish, tmp_path, kills=200)
    print(fell)  # noqa: T201  what the session says of it: pytest -s
    assert fell["checkpoint"] >= 20


def test_a_kill_between_writing_and_renaming_leaves_the_earlier_checkpoint(tmp_path, start_script, finish):
    assert finish(start_script(SCRIPT, tmp_path, 9, 6)) == -signal.SIGKILL
    assert (tmp_path / ".saving-step-000006").is_dir()
    assert Checkpoints(tmp_path, {}).steps() == [3]
    assert finish(start_script(SCRIPT, tmp_path, 9)) == 0
    assert load_file(tmp_path / "step-000009" / "model.safetensors")
    assert not (tmp_path / ".saving-step-000006").exists()
