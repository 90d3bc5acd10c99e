"""Claims about checkpoint folders: whole, verified, found again; and what is said when they are not."""

import errno
import json
import logging
import os
import shutil
import subprocess

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from trainkit import (
    CheckpointError,
    Checkpoints,
    Evaluation,
    MetricsLog,
    ModulePart,
    OptimizerPart,
    RandomPart,
    adamw,
    verify_checkpoint,
)
from trainkit.checkpoints.manifest import _manifest_text
from trainkit.checkpoints.parts import check_names


def make(folder, keep=2, size=3):
    torch.manual_seed(0)
    model = nn.Linear(size, 2)
    optimizer = adamw(model, 0.1)
    model(torch.ones(1, size)).sum().backward()
    optimizer.step()
    parts = {"model": ModulePart(model), "optimizer": OptimizerPart(optimizer, model), "random": RandomPart()}
    return model, Checkpoints(folder, parts, keep=keep)


def flip(path, position, bit=0):
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 1 << bit
    path.write_bytes(bytes(content))


def test_a_checkpoint_is_safetensors_and_json_only(tmp_path):
    _, checkpoints = make(tmp_path)
    path = checkpoints.save(7, 1.5)
    names = sorted(p.name for p in path.iterdir())
    assert names == sorted(
        [
            "model.safetensors",
            "optimizer.safetensors",
            "optimizer.json",
            "random.safetensors",
            "state.json",
            "manifest.json",
        ]
    )
    assert path.name == "step-000007"
    assert (tmp_path / "latest").read_text() == (tmp_path / "best").read_text() == "step-000007\n"
    assert set(load_file(path / "optimizer.safetensors")) == {
        f"{p}/{key}" for p in ("weight", "bias") for key in ("step", "exp_avg", "exp_avg_sq")
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_flipped_bit_anywhere_is_detected(tmp_path, data):
    folder = tmp_path / "flips"
    shutil.rmtree(folder, ignore_errors=True)
    path = make(folder)[1].save(1)
    assert verify_checkpoint(path).step == 1
    file = data.draw(st.sampled_from(sorted(path.iterdir())))
    flip(file, data.draw(st.integers(0, file.stat().st_size - 1)), data.draw(st.integers(0, 7)))
    with pytest.raises(CheckpointError, match=file.name):
        verify_checkpoint(path)


def test_every_byte_of_the_manifest_counts(tmp_path):
    path = make(tmp_path)[1].save(1)
    manifest = path / "manifest.json"
    for position in range(manifest.stat().st_size):
        flip(manifest, position)
        with pytest.raises(CheckpointError, match=r"manifest.json"):
            verify_checkpoint(path)
        flip(manifest, position)
    verify_checkpoint(path)


@pytest.mark.parametrize("damage", ["flip", "truncate", "missing", "no manifest", "empty folder"])
def test_a_damaged_latest_checkpoint_is_skipped_and_named(tmp_path, caplog, damage):
    model, checkpoints = make(tmp_path)
    checkpoints.save(1)
    before = model.weight.clone()
    nn.init.zeros_(model.weight)
    path = checkpoints.save(2)
    file = path / "model.safetensors"
    if damage == "flip":
        flip(file, -1)
    elif damage == "truncate":
        os.truncate(file, 100)
    elif damage == "missing":
        file.unlink()
    elif damage == "no manifest":
        (path / "manifest.json").unlink()
    else:
        shutil.rmtree(path)
        path.mkdir()
    with caplog.at_level(logging.WARNING):
        assert checkpoints.load().step == 1
    assert torch.equal(model.weight, before)
    assert "step-000002" in caplog.text
    assert "cannot be trusted" in caplog.text
    with pytest.raises(CheckpointError, match=r"step-000002"):
        checkpoints.load(2)


def test_a_folder_with_a_number_for_a_name_is_not_a_checkpoint(tmp_path, caplog):
    _, checkpoints = make(tmp_path)
    (tmp_path / "step-000900").mkdir()
    (tmp_path / "step-best").mkdir()
    (tmp_path / "step-000901").write_text("a file")
    with pytest.raises(CheckpointError, match=r"wanted a valid checkpoint \(latest\).*got steps \[900\], none usable"):
        checkpoints.load()
    checkpoints.save(5)
    assert checkpoints.load().step == 5


def test_lower_scores_are_best_and_survive_the_pruning(tmp_path):
    _, checkpoints = make(tmp_path, keep=2)
    for step, score in [(1, 3.0), (2, 1.0), (3, 2.0), (4, float("nan")), (5, Evaluation(8.0, 4)), (6, None)]:
        checkpoints.save(step, score)
    assert checkpoints.steps() == [2, 5, 6]
    assert checkpoints.load("best").step == 2
    assert (tmp_path / "best").read_text() == "step-000002\n"
    assert checkpoints.load("latest").step == 6
    flip(tmp_path / "step-000002" / "model.safetensors", 50)
    assert checkpoints.load("best").step == 5


def test_a_run_continued_from_an_earlier_step_is_not_confused_by_later_ones(tmp_path):
    _, checkpoints = make(tmp_path, keep=3)
    for step in (10, 20, 30):
        checkpoints.save(step)
    assert checkpoints.load(10).step == 10
    checkpoints.save(15)
    assert checkpoints.load().step == 15
    assert checkpoints.steps() == [10, 15, 20, 30]


@pytest.mark.parametrize("pointer", ["", "step-000099\n", "\x00\xff", None])
def test_a_broken_pointer_only_means_the_newest(tmp_path, pointer):
    _, checkpoints = make(tmp_path)
    checkpoints.save(1)
    checkpoints.save(2)
    (tmp_path / "latest").unlink()
    if pointer is not None:
        (tmp_path / "latest").write_bytes(pointer.encode("latin-1"))
    assert checkpoints.load().step == 2


def test_saving_a_step_again_replaces_it_and_a_crash_in_between_loses_nothing(tmp_path):
    model, checkpoints = make(tmp_path)
    checkpoints.save(1)
    nn.init.ones_(model.bias)
    path = checkpoints.save(1)
    assert load_file(path / "model.safetensors")["bias"].tolist() == [1.0, 1.0]
    path.rename(tmp_path / ".replaced-step-000001")  # killed after the first rename
    assert make(tmp_path)[1].load().step == 1
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_the_files_are_flushed_before_the_rename_and_the_pointer_moves_last(tmp_path, monkeypatch):
    events = []
    real_fsync, real_rename = os.fsync, os.rename

    def fsync(descriptor):
        events.append(("fsync", os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))))
        real_fsync(descriptor)

    if not os.path.exists("/proc/self/fd"):
        pytest.skip("needs /proc to see which file is flushed")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(
        os, "rename", lambda a, b, **k: (events.append(("rename", os.path.basename(b))), real_rename(a, b))
    )
    monkeypatch.setattr(
        os, "replace", lambda a, b, **k: (events.append(("rename", os.path.basename(b))), real_rename(a, b))
    )
    path = make(tmp_path)[1].save(3)
    renamed = events.index(("rename", "step-000003"))
    flushed = {name for kind, name in events[:renamed] if kind == "fsync"}
    assert flushed == {p.name for p in path.iterdir()} | {".saving-step-000003"}
    assert events[renamed + 1] == ("fsync", tmp_path.name)
    assert events.index(("rename", "latest")) > renamed + 1


def test_a_reader_leaves_a_running_writer_alone(tmp_path):
    _, checkpoints = make(tmp_path)
    checkpoints.save(1)
    (tmp_path / ".saving-step-000002").mkdir()  # another process is writing here
    assert make(tmp_path)[1].load().step == 1
    assert (tmp_path / ".saving-step-000002").is_dir()


class Failing:
    def __init__(self, error):
        self.error = error

    def save(self, folder):
        (folder / "half.bin").write_bytes(b"x" * 1000)
        raise self.error

    def load(self, folder):
        raise AssertionError("not reached")


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "no space"), RuntimeError("Error: No space left on device (os error 28)")]
)
def test_no_space_is_reported_and_leaves_earlier_checkpoints(tmp_path, error):
    _, checkpoints = make(tmp_path)
    checkpoints.save(1)
    checkpoints.parts["more"] = Failing(error)
    with pytest.raises(OSError, match=r"wanted room for.*step 2.*MB free.*\[1\] are intact") as caught:
        checkpoints.save(2)
    assert caught.value.errno == errno.ENOSPC
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latest", "step-000001"]


def test_any_other_failure_or_interrupt_leaves_earlier_checkpoints_too(tmp_path):
    _, checkpoints = make(tmp_path)
    checkpoints.save(1)
    for error in (KeyboardInterrupt(), PermissionError(errno.EACCES, "not yours")):
        checkpoints.parts["more"] = Failing(error)
        with pytest.raises(type(error)):
            checkpoints.save(2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latest", "step-000001"]


def test_a_folder_that_cannot_be_made_is_explained(tmp_path):
    (tmp_path / "thesis.txt").write_text("draft")
    for start in (make(tmp_path / "thesis.txt" / "run")[1].save, lambda _: MetricsLog(tmp_path / "thesis.txt" / "run")):
        with pytest.raises(
            NotADirectoryError, match=r"wanted a folder that can be made, got 'Not a dir.*; name another"
        ):
            start(1)
    assert (tmp_path / "thesis.txt").read_text() == "draft"


def test_a_really_full_disk(tmp_path):
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("needs root to mount a small tmpfs")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        checkpoints = make(disk / "run", size=10_000)[1]  # 240 kB with the optimizer's moments
        checkpoints.save(1)
        with pytest.raises(OSError, match=r"at least 0\.\d MB, got 0\.\d MB free") as caught:
            checkpoints.save(2)
        assert caught.value.errno == errno.ENOSPC
        assert sorted(p.name for p in (disk / "run").iterdir()) == ["latest", "step-000001"]
        assert checkpoints.load().step == 1
        subprocess.run(["mount", "-o", "remount,size=2m", str(disk)], check=True)
        checkpoints.save(2)
        assert checkpoints.load().step == 2
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_another_models_checkpoint_is_refused_with_names_and_shapes(tmp_path):
    make(tmp_path, size=3)[1].save(1)
    with pytest.raises(ValueError, match=r"other shapes \['weight \(2, 3\) for \(2, 5\)'\]"):
        make(tmp_path, size=5)[1].load()
    model = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(ValueError, match=r"missing \['0.bias', '0.weight'\], unexpected \['bias', 'weight'\]"):
        ModulePart(model).load(tmp_path / "step-000001")
    with pytest.raises(CheckpointError, match=r"hold the parts \['model'\], got \['model', 'optimizer', 'random'\]"):
        Checkpoints(tmp_path, {"model": ModulePart(nn.Linear(3, 2))}).load()


def test_other_parameter_groups_are_refused(tmp_path):
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


def test_hyper_parameters_come_back_but_not_the_way_they_are_computed(tmp_path):
    model = nn.Linear(2, 2)
    OptimizerPart(torch.optim.AdamW(model.parameters(), lr=0.3, betas=(0.5, 0.6), fused=True), model).save(tmp_path)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, foreach=False)
    OptimizerPart(optimizer, model).load(tmp_path)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["betas"], group["fused"], group["foreach"]) == (0.3, (0.5, 0.6), None, False)


def test_parts_may_not_overwrite_each_other(tmp_path):
    model = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"wanted part 'b' to write files of its own"):
        Checkpoints(tmp_path, {"a": ModulePart(model), "b": ModulePart(model)}).save(1)


def test_another_version_is_named(tmp_path):
    path = make(tmp_path)[1].save(1)
    files = json.loads((path / "manifest.json").read_text())["files"]
    (path / "manifest.json").write_text(_manifest_text(files, version=2))
    with pytest.raises(CheckpointError, match=r"wanted a checkpoint of version 1.*got version 2; load it with"):
        verify_checkpoint(path)


@pytest.mark.parametrize("which", ["newest", "7"])
def test_which_checkpoint_must_be_said_plainly(tmp_path, which):
    with pytest.raises(ValueError, match='wanted "latest", "best" or the number of a step, got'):
        make(tmp_path)[1].load(which)
    with pytest.raises(ValueError, match=r"wanted keep >= 1, got 0"):
        Checkpoints(tmp_path, {}, keep=0)


def test_a_failed_restore_of_the_random_state_is_an_error(tmp_path):
    _, checkpoints = make(tmp_path)
    path = checkpoints.save(1)
    content = load_file(path / "random.safetensors")
    del content["0/python"]
    save_file(content, path / "random.safetensors")
    with pytest.raises(ValueError, match=r"wanted"):
        RandomPart().load(path)
    check_names("x", {"a": 1}, {"a": 1})
