"""A file read once: the same bytes, hash and tensors as their libraries give, and memory of its own."""

import hashlib
import os

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from trainkit import Checkpoints, ModulePart, OptimizerPart, RandomPart, adamw, train_steps
from trainkit.checkpoints.file_memory import DTYPES, PIECE, read_hashed, tensors_in


@pytest.mark.parametrize("n_bytes", [0, 1, 4096, PIECE - 1, PIECE, 3 * PIECE + 17])
def test_a_file_is_read_whole_and_hashed_as_hashlib_does(tmp_path, n_bytes):
    content = os.urandom(n_bytes)
    (tmp_path / "file").write_bytes(content)
    memory, digest, size = read_hashed(tmp_path / "file")
    assert (memory[:size], digest, size) == (content, hashlib.sha256(content).hexdigest(), n_bytes)


def test_tensors_are_those_that_safetensors_reads(tmp_path):
    torch.manual_seed(0)
    numbers = torch.randint(0, 2, (5, 3))
    theirs = {name: numbers.to(dtype) for name, dtype in DTYPES.items()}
    theirs |= {"none": torch.zeros(0, 3), "scalar": torch.tensor(2.5), "odd": torch.arange(7, dtype=torch.uint8)}
    save_file(theirs, tmp_path / "file", metadata={"format": "pt"})
    ours, again = tensors_in(read_hashed(tmp_path / "file")[0]), load_file(tmp_path / "file")
    assert ours.keys() == again.keys() == theirs.keys()
    for name, tensor in again.items():
        assert (ours[name].dtype, ours[name].shape) == (tensor.dtype, tensor.shape)
        assert torch.equal(ours[name], tensor), name


def test_what_was_loaded_outlives_and_does_not_touch_the_file(tmp_path):
    model, optimizer, checkpoints = make_run(tmp_path)
    list(train_steps(model, batches(0, 2), loss, optimizer))
    file = checkpoints.save(2) / "optimizer.safetensors"
    before, average = file.read_bytes(), optimizer.state[model[0].weight]["exp_avg"].clone()
    resumed, optimizer, checkpoints = make_run(tmp_path)
    checkpoints.load()
    os.truncate(file, 0)  # a view of the file would now end the process
    assert torch.equal(optimizer.state[resumed[0].weight]["exp_avg"], average)
    file.write_bytes(before)
    list(train_steps(resumed, batches(2, 3), loss, optimizer))
    assert file.read_bytes() == before


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
