"""Claims about the parts: what does not fit is refused, what fits comes back as it was."""

import os
import stat

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from trainkit import (
    CheckpointError,
    Checkpoints,
    ModulePart,
    OptimizerPart,
    RandomPart,
    adamw,
)
from trainkit.checkpoints.parts import check_names


def test_another_models_checkpoint_is_refused_with_names_and_shapes(make, tmp_path):
    make(tmp_path, size=3)[1].save(1)
    with pytest.raises(ValueError, match=r"other shapes \['weight \(2, 3\) for \(2, 5\)'\]"):
        make(tmp_path, size=5)[1].load()
    model = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(ValueError, match=r"missing \['0.bias', '0.weight'\], unexpected \['bias', 'weight'\]"):
        ModulePart(model).load(tmp_path / "step-000001")
    with pytest.raises(CheckpointError, match=r"hold the parts \['model'\], got \['model', 'optimizer', 'random'\]"):
        Checkpoints(tmp_path, {"model": ModulePart(nn.Linear(3, 2))}).load()


def test_tied_tensors_are_stored_once_and_stay_tied(tmp_path):
    model = nn.ModuleDict({"embedding": nn.Embedding(5, 3), "head": nn.Linear(3, 5, bias=False)})
    model["head"].weight = model["embedding"].weight
    ModulePart(model).save(tmp_path)
    assert list(load_file(tmp_path / "model.safetensors")) == ["embedding.weight"]
    saved = model["head"].weight.clone()
    nn.init.zeros_(model["head"].weight)
    ModulePart(model).load(tmp_path)
    assert torch.equal(model["embedding"].weight, saved)
    assert model["head"].weight is model["embedding"].weight


def test_a_failed_restore_of_the_random_state_is_an_error(make, tmp_path):
    _, checkpoints = make(tmp_path)
    path = checkpoints.save(1)
    content = load_file(path / "random.safetensors")
    del content["0/python"]
    save_file(content, path / "random.safetensors")
    with pytest.raises(ValueError, match=r"wanted"):
        RandomPart().load(path)
    check_names("x", {"a": 1}, {"a": 1})


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o002])
def test_files_have_the_permissions_that_the_umask_gives(tmp_path, umask):
    if os.name == "nt":
        pytest.skip("Windows has no umask")
    before = os.umask(umask)
    try:
        path = make_run(tmp_path)[2].save(1)
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in [*path.iterdir(), tmp_path / "latest"]}
    assert modes == dict.fromkeys(modes, 0o666 & ~umask)
    assert len(modes) == 7


def make_run(folder, kind="adamw"):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 2)).to(memory_format=torch.channels_last)
    optimizer = adamw(model, 0.01) if kind == "adamw" else torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    parts = {"model": ModulePart(model), "optimizer": OptimizerPart(optimizer, model), "random": RandomPart()}
    return model, optimizer, Checkpoints(folder, parts)
