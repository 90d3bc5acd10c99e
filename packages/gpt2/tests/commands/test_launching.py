"""Starting several processes: by torchrun, again after a death, and what is wrong is told once."""

import subprocess
import sys

import pytest

from gpt2 import TrainSettings
from gpt2.commands import launching


def test_processes_other_than_torchrun_started_are_refused(monkeypatch):
    assert launching.wanted_processes(TrainSettings(processes=3)) == 3
    assert launching.wanted_processes(TrainSettings(processes=1)) == 0
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert launching.wanted_processes(TrainSettings(processes=2)) == launching.wanted_processes(TrainSettings()) == 0
    with pytest.raises(ValueError, match=r"--processes: wanted 2, as torchrun has started, got 3; leave"):
        launching.wanted_processes(TrainSettings(processes=3))


def test_an_error_of_a_launch_is_told_once_and_not_tried_again(tmp_path, monkeypatch):
    assert launching.tell_once("alone, everything is told")
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "attempt_0" / "1" / "error.json"))
    assert not launching.has_told()
    assert [launching.tell_once(text) for text in ("a", "a", "b")] == [True, False, True]
    assert not launching.has_told()
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert launching.has_told()


def test_a_later_attempt_goes_on_with_the_run_of_the_first(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "attempt_0" / "1" / "error.json"))
    first = TrainSettings(text="book.txt")
    assert launching.after_restart(first) == first
    launching.note("folder", str(tmp_path / "run"))
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert launching.after_restart(first) == first  # killed before there was anything to go on with
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").touch()
    assert launching.after_restart(first) == TrainSettings(text="book.txt", resume=tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("shard", [[], ["--shard"]])
def test_a_killed_process_is_started_again_and_nothing_is_lost(tmp_path, text_file, shard):
    """By torchrun's elastic agent, from the last good checkpoint, without anybody's help."""
    killer = tmp_path / "killed_once.py"
    killer.write_text(KILLED_ONCE)
    options = ["--text", text_file, "--recipe", "tiny", "--steps", "30", "--save-every", "10", *shard]
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = launched(sys.executable, "-m", "gpt2", "train", "--processes", "2", *options, "--out", unbroken)
    assert done.returncode == 0, done.stderr
    done = launched(*torchrun, "--max-restarts=1", killer, "train", *options, "--out", broken)
    assert done.returncode == 0, done.stderr
    assert "Resuming after step 10" in done.stdout
    assert done.stdout.count("bits per byte") == 1
    ours, theirs = (folder / "model" / "model.safetensors" for folder in (broken, unbroken))
    assert ours.read_bytes() == theirs.read_bytes()


KILLED_ONCE = """
import os, signal
import gpt2.training.run
from gpt2.commands.main import main
if os.environ["TORCHELASTIC_RESTART_COUNT"] == "0" and os.environ["RANK"] == "1":
    good = gpt2.training.run.Run.__iter__
    def killed(run):
        for step in good(run):
            yield step
            if step.number == 15:
                os.kill(os.getpid(), signal.SIGKILL)
    gpt2.training.run.Run.__iter__ = killed
main()
"""


@pytest.mark.slow
def test_wrong_input_of_several_processes_is_one_line(tmp_path):
    done = launched(sys.executable, "-m", "gpt2", "train", "--processes", "2", "--text", tmp_path / "none.txt")
    assert done.returncode != 0
    assert done.stderr.count("is not there; check the path") == 1


def launched(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
