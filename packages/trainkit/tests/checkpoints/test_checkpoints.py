"""Claims about saving and loading: whole or not at all, and what is said where it cannot be."""

import errno
import logging
import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from trainkit import (
    CheckpointError,
    Checkpoints,
    MetricsLog,
    ModulePart,
    OptimizerPart,
    RandomPart,
    adamw,
)
from workbench import lay_out, recorded_disk


def test_a_checkpoint_is_safetensors_and_json_only(make, tmp_path):
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


@pytest.mark.parametrize("damage", ["flip", "truncate", "missing", "no manifest", "empty folder"])
def test_a_damaged_latest_checkpoint_is_skipped_and_named(make, flip, tmp_path, caplog, damage):
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


def test_saving_a_step_again_replaces_it_and_a_crash_in_between_loses_nothing(make, tmp_path):
    model, checkpoints = make(tmp_path)
    checkpoints.save(1)
    nn.init.ones_(model.bias)
    path = checkpoints.save(1)
    assert load_file(path / "model.safetensors")["bias"].tolist() == [1.0, 1.0]
    path.rename(tmp_path / ".replaced-step-000001")  # killed after the first rename
    assert make(tmp_path)[1].load().step == 1
    assert [p.name for p in tmp_path.glob(".*")] == []


@pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")
@pytest.mark.parametrize("again", [2, 1], ids=["the next step", "the same step"])
def test_at_each_moment_the_earlier_checkpoint_is_there_or_the_new(make, tmp_path, again):
    """Killed, or the power failed: whatever was written, renamed and flushed until then."""
    folder = tmp_path / "run"
    model, checkpoints = make(folder)
    checkpoints.save(1, 2.0)
    old = model.bias.tolist()
    nn.init.ones_(model.bias)
    with recorded_disk(folder) as disk:
        checkpoints.save(again, 1.0)
    moments, found = disk.moments(), []
    for number, content in enumerate(moments):
        lay_out(content, tmp_path / str(number))
        model, checkpoints = make(tmp_path / str(number))
        found.append((checkpoints.load().step, model.bias.tolist()))
        assert checkpoints.load("best").step in (1, again)
    assert {str(one) for one in found} == {str((1, old)), str((again, [1.0, 1.0]))}
    for content in disk.finally_there():
        assert found[moments.index(content)] == (again, [1.0, 1.0])
        assert {content["latest"], content["best"]} == {f"step-{again:06d}\n".encode()}


@pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")
def test_the_first_checkpoint_is_on_the_disk_with_its_folder_when_save_returns(make, tmp_path):
    with recorded_disk(tmp_path) as disk:
        make(tmp_path / "runs" / "001" / "checkpoints")[1].save(3)
    for number, content in enumerate(disk.finally_there()):
        lay_out(content, tmp_path / f"after-{number}")
        assert make(tmp_path / f"after-{number}" / "runs" / "001" / "checkpoints")[1].load().step == 3


def test_what_a_kill_left_between_two_renames_is_there_again_before_the_next_is_written(make, tmp_path):
    _, checkpoints = make(tmp_path, keep=3)
    checkpoints.save(1, 1.0).rename(tmp_path / ".replaced-step-000001")
    checkpoints.save(2, 2.0)
    assert checkpoints.steps() == [1, 2]
    assert (tmp_path / "best").read_text() == "step-000001\n", "it is counted among those that may be the best"


def test_a_reader_leaves_a_running_writer_alone(make, tmp_path):
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
def test_no_space_is_reported_and_leaves_earlier_checkpoints(make, tmp_path, error):
    _, checkpoints = make(tmp_path)
    checkpoints.save(1)
    checkpoints.parts["more"] = Failing(error)
    with pytest.raises(OSError, match=r"wanted room for.*step 2.*B free.*\[1\] are intact") as caught:
        checkpoints.save(2)
    assert caught.value.errno == errno.ENOSPC
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latest", "step-000001"]


def test_any_other_failure_or_interrupt_leaves_earlier_checkpoints_too(make, tmp_path):
    _, checkpoints = make(tmp_path)
    checkpoints.save(1)
    for error in (KeyboardInterrupt(), PermissionError(errno.EACCES, "not yours")):
        checkpoints.parts["more"] = Failing(error)
        with pytest.raises(type(error)):
            checkpoints.save(2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latest", "step-000001"]


def test_a_folder_that_cannot_be_made_is_explained(make, tmp_path):
    (tmp_path / "thesis.txt").write_text("draft")
    for start in (make(tmp_path / "thesis.txt" / "run")[1].save, lambda _: MetricsLog(tmp_path / "thesis.txt" / "run")):
        with pytest.raises(
            NotADirectoryError, match=r"wanted a folder that can be made, got 'Not a dir.*; name another"
        ):
            start(1)
    assert (tmp_path / "thesis.txt").read_text() == "draft"


def test_a_really_full_disk(tmp_path, start_script, finish):
    """A small disk in a mount namespace of the script's own: a test run that is killed leaves nothing behind."""
    if sys.platform != "linux":
        pytest.skip("wants Linux for a mount namespace")
    code = finish(start_script(Path(__file__).with_name("full_disk_script.py"), tmp_path))
    if code == 77:
        pytest.skip(f"a mount namespace is not allowed here: {(tmp_path / 'why').read_text()}")
    assert code == 0
    assert list((tmp_path / "disk").iterdir()) == []  # nobody outside has seen the disk


def test_a_damaged_checkpoint_leaves_the_run_as_it_was(tmp_path):
    model, _, checkpoints = make_run(tmp_path)
    path = checkpoints.save(1)
    file = path / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    nn.init.ones_(model[0].weight)
    with pytest.raises(CheckpointError, match=r"wanted .*model.safetensors as it was saved.*; use an earlier"):
        checkpoints.load(1)
    assert bool((model[0].weight == 1).all())


def make_run(folder, kind="adamw"):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 2)).to(memory_format=torch.channels_last)
    optimizer = adamw(model, 0.01) if kind == "adamw" else torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    parts = {"model": ModulePart(model), "optimizer": OptimizerPart(optimizer, model), "random": RandomPart()}
    return model, optimizer, Checkpoints(folder, parts)
