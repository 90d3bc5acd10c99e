"""Claims about an optimizer's part: state by name, and refused where the groups differ."""

import pytest
import torch
from torch import nn

from trainkit import (
    Checkpoints,
    ModulePart,
    OptimizerPart,
    RandomPart,
    adamw,
    train_steps,
)


def test_other_parameter_groups_are_refused(make, tmp_path):
    make(tmp_path)[1].save(1)
    model = nn.Linear(3, 2)
    part = OptimizerPart(torch.optim.SGD(model.parameters(), lr=0.1), model)
    with pytest.raises(
        ValueError, match=r"wanted a saved optimizer with parameter groups \[\['weight', 'bias'\]\], got"
    ):
        part.load(tmp_path / "step-000001")
    stranger = OptimizerPart(adamw(nn.Linear(9, 9), 0.1), model)
    with pytest.raises(ValueError, match=r"the model's own parameters"):
        stranger.save(tmp_path)


def test_hyper_parameters_come_back_but_not_the_way_they_are_computed(tmp_path):
    model = nn.Linear(2, 2)
    OptimizerPart(torch.optim.AdamW(model.parameters(), lr=0.3, betas=(0.5, 0.6), fused=True), model).save(tmp_path)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, foreach=False)
    OptimizerPart(optimizer, model).load(tmp_path)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["betas"], group["fused"], group["foreach"]) == (0.3, (0.5, 0.6), None, False)


@pytest.mark.parametrize("how", ["folder", "part"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_channels_last_weights_resume_to_the_same_bits(tmp_path, how, optimizer):
    unbroken, theirs, _ = make_run(tmp_path, optimizer)
    list(train_steps(unbroken, batches(0, 6), loss, theirs))
    model, ours, checkpoints = make_run(tmp_path, optimizer)
    list(train_steps(model, batches(0, 3), loss, ours))
    path = checkpoints.save(3)
    resumed, ours, checkpoints = make_run(tmp_path, optimizer)
    if how == "folder":
        checkpoints.load()
    else:
        for part in checkpoints.parts.values():
            part.load(path)
    weight = resumed[0].weight
    moments = [value for value in ours.state[weight].values() if value.ndim]
    assert moments
    assert all(moment.stride() == weight.stride() for moment in moments)
    list(train_steps(resumed, batches(3, 6), loss, ours))
    assert all(torch.equal(a, b) for a, b in zip(unbroken.parameters(), resumed.parameters(), strict=True))


def make_run(folder, kind="adamw"):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 2)).to(memory_format=torch.channels_last)
    optimizer = adamw(model, 0.01) if kind == "adamw" else torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    parts = {"model": ModulePart(model), "optimizer": OptimizerPart(optimizer, model), "random": RandomPart()}
    return model, optimizer, Checkpoints(folder, parts)


def batches(start, stop):
    return [[torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(n))] for n in range(start, stop)]


def loss(model, batch):
    return model(batch).square().sum(), len(batch)
