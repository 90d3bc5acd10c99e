"""A run folder belongs to one process at a time."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_trainer import TrainSettings, run
from workbench import InUse, hold

FAST = ["--epochs", "1", "--device", "cpu"]
HOLDER = """
import os, sys, time
from workbench import hold
held = hold(sys.argv[1])
print(os.getpid(), flush=True)
time.sleep(600)
"""


def command(*arguments):
    return [sys.executable, "-m", "mnist_trainer", *arguments, *FAST]


def test_default_runs_that_are_started_together_get_a_folder_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = [TrainSettings(epochs=1, device="cpu", seed=seed) for seed in (0, 1, 2)]
    training = [run(one) for one in settings]
    assert [one.folder for one in training] == [Path(f"runs/mnist-00{n}") for n in (1, 2, 3)]
    steps = [iter(one) for one in training]
    assert all(next(one).number == 1 for one in steps)
    for one in steps:
        one.close()
    assert [one.record.seed for one in training] == [0, 1, 2]


def test_two_processes_without_a_word_end_with_a_model_each(tmp_path):
    both = [
        subprocess.Popen(command("--seed", str(n)), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for n in (0, 1)
    ]
    assert [process.communicate() and process.returncode for process in both] == [0, 0]
    assert len(list(tmp_path.glob("runs/mnist-00[12]/model/model.safetensors"))) == 2


@pytest.fixture
def half_done(tmp_path):
    """A run that ended after its first steps."""
    training = run(TrainSettings(out=tmp_path / "run", epochs=1, device="cpu"))
    steps = iter(training)
    next(steps)
    steps.close()
    return tmp_path / "run"


@pytest.mark.parametrize("option", ["--resume", "--out"])
def test_a_second_process_is_refused_with_the_number_of_the_first_and_a_dead_one_is_not_waited_for(
    option, half_done, tmp_path
):
    folder = half_done if option == "--resume" else tmp_path / "new"
    folder.mkdir(exist_ok=True)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True) as holder:
        number = int(holder.stdout.readline())
        settings = TrainSettings(**{option[2:]: folder}, device="cpu", epochs=None if option == "--resume" else 1)
        with pytest.raises(InUse, match=rf"in use by process {number}; wait until that has ended") as caught:
            run(settings)
        assert caught.value.pid == number
        holder.kill()
    assert (folder / ".lock").is_file()
    training = run(settings)  # what the dead one left stands in nobody's way
    list(training)
    assert training.judgement
    assert not (folder / ".lock").exists()


def test_a_refused_command_ends_with_2_and_one_line(half_done):
    with hold(half_done):
        done = subprocess.run(
            [sys.executable, "-m", "mnist_trainer", "--resume", str(half_done)], capture_output=True, text=True
        )
    assert done.returncode == 2
    assert re.fullmatch(rf"mnist-trainer: wanted .* in use by process {os.getpid()}; .*\n", done.stderr)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[" * 100_000, b"[1]", b"9" * 5_000, b"{}", b'{"format": 1, "settings": 3}'],
    ids=["empty", "no UTF-8", "deep", "list", "long number", "no record", "no settings"],
)
def test_whatever_a_record_holds_it_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"wanted .*run\.json|run\.json: wanted ") as refused:
        run(TrainSettings(resume=tmp_path, device="cpu"))
    assert len(str(refused.value)) < 600
