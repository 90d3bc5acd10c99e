"""Two processes learn what one learns, copied (DDP) or sharded (FSDP2); what they save one and three go on with."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file

import gpt2
from gpt2 import TrainSettings
from gpt2.commands import launching

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gloo and forks as POSIX has them")

SCRIPT = Path(__file__).with_name("rank_script.py")
SHORT = {"recipe": "tiny", "steps": 50, "batch_size": 7, "evaluate_every": 20, "save_every": 25, "log_every": 5}
HALF = 25


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def together(folder, fork):
    """A function that runs jobs with so many processes, and gives what each of them told."""
    numbers = iter(range(100))

    def call(size, jobs):
        name = f"{next(numbers)}-{size}"
        (folder / f"{name}.json").write_text(json.dumps(jobs))
        started = [fork(SCRIPT, rank, size, folder, folder / f"{name}.json") for rank in range(size)]
        for process in started:
            process.join(100)
        assert [process.exitcode for process in started] == [0] * size, [p.said.read_text() for p in started]
        told = [json.loads((folder / f"{name}-{rank}.json").read_text()) for rank in range(size)]
        assert all(t == told[0] for t in told)
        return told[0]

    return call


@pytest.fixture(scope="module")
def alone(together, folder, text_file):
    return together(1, [["alone", {"text": str(text_file), "out": str(folder / "alone"), **SHORT}, None]])["alone"]


@pytest.fixture(scope="module")
def pair(together, folder, text_file):
    """Both kinds of two processes, whole and stopped half way."""
    jobs = []
    for kind in ("copied", "sharded"):
        settings = {"text": str(text_file), "shard": kind == "sharded", **SHORT}
        jobs.append([kind, {**settings, "out": str(folder / kind)}, None])
        jobs.append([f"{kind} half", {**settings, "out": str(folder / f"{kind}-half")}, HALF])
    return together(2, jobs)


def losses(told):
    return [loss for _, loss, _ in told["steps"]]


@pytest.mark.parametrize("kind", ["copied", "sharded"])
def test_two_processes_learn_what_one_learns_for_fifty_steps(alone, pair, kind):
    assert [number for number, _, _ in pair[kind]["steps"]] == list(range(1, 51))
    assert losses(pair[kind]) == pytest.approx(losses(alone), abs=1e-5)
    assert [items for *_, items in pair[kind]["steps"]] == [items for *_, items in alone["steps"]]
    assert pair[kind]["validation"] == pytest.approx(alone["validation"], abs=1e-5)


@pytest.mark.parametrize("kind", ["copied", "sharded"])
def test_the_folder_of_two_is_that_of_one(pair, alone, folder, kind):
    names = {path.name for path in (folder / "alone").iterdir() if "tfevents" not in path.name}
    assert {path.name for path in (folder / kind).iterdir() if "tfevents" not in path.name} == names
    steps = [json.loads(line)["step"] for line in (folder / kind / "metrics.jsonl").read_text().splitlines()]
    assert steps == [json.loads(line)["step"] for line in (folder / "alone" / "metrics.jsonl").read_text().splitlines()]
    ours = load_file(folder / kind / "model" / "model.safetensors")
    width = len(ours["transformer.ln_f.bias"])
    for name, theirs in load_file(folder / "alone" / "model" / "model.safetensors").items():
        if name.endswith("c_attn.bias"):  # of keys it has no effect, so AdamW brings rounding up to the rate
            ours[name], theirs = (torch.cat([bias[:width], bias[2 * width :]]) for bias in (ours[name], theirs))
        assert torch.allclose(ours[name], theirs, atol=1e-4), name
    transformers.AutoModelForCausalLM.from_pretrained(folder / kind / "model")


@pytest.mark.parametrize("size", [1, 2, 3])
def test_what_two_saved_any_number_goes_on_with(together, alone, pair, folder, size):
    jobs = []
    for kind in ("copied", "sharded"):
        place = folder / f"{kind}-on-{size}"
        shutil.copytree(folder / f"{kind}-half", place)
        jobs.append([kind, {"resume": str(place)}, None])
    told = together(size, jobs)
    for kind in ("copied", "sharded"):
        assert [number for number, _, _ in told[kind]["steps"]] == list(range(HALF + 1, 51))
        assert losses(told[kind]) == pytest.approx(losses(alone)[HALF:], abs=1e-5)
        if size == 2:
            ours, unbroken = (folder / place / "model" / "model.safetensors" for place in (f"{kind}-on-2", kind))
            assert ours.read_bytes() == unbroken.read_bytes()
    shards = folder / f"sharded-on-{size}" / "checkpoints" / "step-000050" / "sharded"
    assert len(list(shards.iterdir())) == size


def test_more_processes_than_windows_are_refused(together, text_file, folder, monkeypatch):
    monkeypatch.setattr("gpt2.training.assembly.n_ranks", lambda: 8)
    settings = TrainSettings(text=str(text_file), out=folder / "too-many", **SHORT)
    with pytest.raises(ValueError, match=r"--processes: wanted at most one for each of the 7 windows.*got 8.*start"):
        gpt2.run(settings)


def test_processes_that_nobody_joined_are_refused(text_file, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match=r"wanted the 2 processes.*joined.*alone.*init_process_group"):
        gpt2.run(TrainSettings(text=str(text_file), out=tmp_path / "run", **SHORT))


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
