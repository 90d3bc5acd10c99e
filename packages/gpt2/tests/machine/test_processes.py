"""Two processes learn what one learns, copied (DDP) or sharded (FSDP2); what they save one and three go on with."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import gpt2
from gpt2 import TrainSettings

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


@pytest.mark.parametrize("kind", ["copied", "sharded"])
def test_the_folder_of_two_opens_in_transformers(pair, folder, kind, transformers):
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
    monkeypatch.setattr("gpt2.training.trained.n_ranks", lambda: 8)
    settings = TrainSettings(text=str(text_file), out=folder / "too-many", **SHORT)
    with pytest.raises(ValueError, match=r"--processes: wanted at most one for each of the 7 windows.*got 8.*start"):
        gpt2.run(settings)


def test_processes_that_nobody_joined_are_refused(text_file, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match=r"wanted the 2 processes.*joined.*alone.*init_process_group"):
        gpt2.run(TrainSettings(text=str(text_file), out=tmp_path / "run", **SHORT))
