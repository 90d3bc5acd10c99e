"""Weights move to other memory and stay what they are."""

import copy
import mmap
import subprocess
import sys

import pytest
import torch
from torch import nn

from tensors import move_to_huge_pages
from tensors.machine import huge_pages


@pytest.fixture
def region(monkeypatch):
    """Memory as the system gives it, huge pages or not, so that moving is tried everywhere."""

    def made(size):
        return mmap.mmap(-1, size + 2 * huge_pages.HUGE_PAGE)

    monkeypatch.setattr(huge_pages, "region_of", made)
    monkeypatch.setattr(huge_pages, "HUGE_PAGE", 4096)


def module():
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(33, 77), nn.BatchNorm1d(77), nn.Linear(77, 33), nn.Linear(33, 77), nn.Linear(7, 7))
    made[3].weight = made[0].weight
    made[2].weight.data = made[0].weight.data.T  # the same memory, seen in another way
    whole = torch.randn(200)
    made.register_buffer("first", whole[10:60])
    made.register_buffer("second", whole[40:100])
    made.register_buffer("whole_numbers", torch.arange(35, dtype=torch.int8).view(5, 7).T)
    made.register_buffer("none", None)
    made.register_buffer("empty", torch.empty(0, 3))
    made.register_buffer("short", torch.randn(3, 5).bfloat16())
    return made


def test_every_tensor_keeps_its_numbers_its_place_and_its_ties(region):
    ours, theirs = module(), copy.deepcopy(module())
    tensors = {**dict(ours.named_parameters()), **dict(ours.named_buffers())}
    addresses = {name: tensor.data_ptr() for name, tensor in tensors.items()}
    moved = move_to_huge_pages(ours)
    assert moved >= (33 * 77 + 90) * 4
    for name, tensor in theirs.state_dict().items():
        own = ours.state_dict()[name]
        assert torch.equal(own, tensor), name
        assert (own.stride(), own.dtype) == (tensor.stride(), tensor.dtype)
    for name, tensor in {**dict(ours.named_parameters()), **dict(ours.named_buffers())}.items():
        assert tensor is tensors[name]
        assert tensor.numel() == 0 or tensor.data_ptr() != addresses[name]
    assert ours[3].weight is ours[0].weight
    with torch.no_grad():
        ours[0].weight[3, 5] = 9
        ours.first[40] = 8
    assert ours[2].weight[5, 3] == 9
    assert ours.second[10] == 8


def test_a_moved_module_learns_and_a_copy_of_a_part_is_no_copy_of_all(region):
    ours, theirs = module(), module()
    move_to_huge_pages(ours)
    x = torch.randn(4, 33)
    for one in (ours, theirs):
        one[3](one[2](one[1](one[0](x)))).square().sum().backward()
        torch.optim.SGD(one.parameters(), lr=0.01).step()
    assert torch.allclose(ours[0].weight, theirs[0].weight)
    part = copy.deepcopy(ours[4])
    assert part.weight.untyped_storage().nbytes() == 7 * 7 * 4
    assert torch.equal(part.weight, ours[4].weight)


def test_modules_are_laid_in_the_order_in_which_they_are_registered(region):
    ours = nn.Sequential(*(nn.Linear(32, 32) for _ in range(5)))
    move_to_huge_pages(ours)
    addresses = [parameter.data_ptr() for parameter in ours.parameters()]
    assert addresses == sorted(addresses)
    assert all(address % 64 == 0 for address in addresses)


def test_inference_tensors_and_small_modules_stay_where_they_are(region):
    with torch.inference_mode():
        made = nn.Linear(64, 64)
    assert move_to_huge_pages(made) == 0
    assert move_to_huge_pages(nn.Linear(2, 2)) == 0
    assert move_to_huge_pages(nn.Module()) == 0
    assert move_to_huge_pages(nn.Linear(64, 64, device="meta")) == 0


@pytest.mark.parametrize("system", ["no pages", "never", "forbidden", "another system"])
def test_where_the_system_has_none_nothing_happens_and_nothing_is_said(monkeypatch, tmp_path, caplog, capfd, system):
    class Forbidden(mmap.mmap):
        def madvise(self, *given):
            raise OSError(1, "Operation not permitted")

    switch = tmp_path / "enabled"
    if system != "no pages":
        switch.write_text("always madvise [never]\n" if system == "never" else "always [madvise] never\n")
    monkeypatch.setattr(huge_pages, "SWITCH", switch)
    if system == "forbidden":
        monkeypatch.setattr(mmap, "mmap", Forbidden)
    elif system == "another system":
        monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    big = nn.Linear(1024, 1024)
    address = big.weight.data_ptr()
    assert move_to_huge_pages(big) == 0
    assert big.weight.data_ptr() == address
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


SCRIPT = """
import torch, mmap
from pathlib import Path
from torch import nn
from tensors import move_to_huge_pages
torch.set_num_threads(1)
model = nn.Sequential(*(nn.Linear(1024, 1024) for _ in range(24)))
def now(what): return int(Path("/proc/self/status").read_text().split(what + ":")[1].split()[0])
Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
before = now("VmRSS")
moved = move_to_huge_pages(model)
lines = Path("/proc/self/smaps").read_text().splitlines()
print(moved >> 10, now("VmHWM") - before, sum(int(l.split()[1]) for l in lines if l.startswith("AnonHuge")))
"""


@pytest.mark.skipif(
    not huge_pages.SWITCH.is_file() or "[never]" in huge_pages.SWITCH.read_text(), reason="no huge pages on this system"
)
def test_pages_are_huge_and_the_peak_of_memory_hardly_rises():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    moved, rose, huge = map(int, done.stdout.split())
    assert moved >= 24 * 4096
    assert rose < 4 * 4096 + 2048  # kB: of 24 weights of 4 MB, and two pages
    if huge == 0:
        pytest.skip("this system forbids huge pages, or has none free")
    assert huge > 0.8 * moved
