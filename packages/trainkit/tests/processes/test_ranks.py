"""Two processes learn what one learns: same losses, norms, evaluations; and each resumes what the other saved."""

import json
import re
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn

from trainkit import spread

SCRIPT = Path(__file__).with_name("spread_script.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("spread")


@pytest.fixture
def results(folder, start_script, finish, monkeypatch):
    """One process, then two, then one again: only now can it resume what the two saved."""
    if not (folder / "done").exists():
        monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
        assert finish(start_script(SCRIPT, 0, 1, folder)) == 0
        assert [finish(p) for p in [start_script(SCRIPT, rank, 2, folder) for rank in (0, 1)]] == [0, 0]
        assert finish(start_script(SCRIPT, 0, 1, folder)) == 0
        (folder / "done").touch()
    return {name: json.loads((folder / f"results-{name}.json").read_text()) for name in ("1-0", "2-0", "2-1")}


@pytest.mark.parametrize("how", ["ddp", "fsdp"])
@pytest.mark.parametrize("kind", ["adamw", "muon"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-9)])
def test_two_processes_give_the_losses_of_one_for_fifty_steps(results, how, kind, dtype, tolerance):
    one, two = results["1-0"][f"None-{kind}-{dtype}"], results["2-0"][f"{how}-{kind}-{dtype}"]
    assert two == results["2-1"][f"{how}-{kind}-{dtype}"]
    assert len(two["losses"]) == 50
    for ours, alone in zip(two["losses"], one["losses"], strict=True):
        assert ours == pytest.approx(alone, rel=tolerance)
    assert two["evaluation"] == pytest.approx(one["evaluation"], rel=tolerance)
    assert two["count"] == one["count"] == 27


def test_what_two_saved_one_resumes_and_the_other_way_round(results):
    resumed = {**results["1-0"], **results["2-0"]}
    names = [name for name in resumed if "from" in name]
    assert len(names) == 8
    for name in names:
        kind = "adamw" if "adamw" in name else "muon"
        unbroken = results["1-0"][f"None-{kind}-float64"]["losses"][20:30]
        for ours, alone in zip(resumed[name]["losses"], unbroken, strict=True):
            assert ours == pytest.approx(alone, rel=1e-9), name


def test_only_the_first_process_writes_logs_and_each_step_comes_once(results, folder):
    for run in (folder / "2" / "fsdp-muon-float64", folder / "resumed" / "2-ddp-from-None-adamw-float64"):
        steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
        assert steps == list(range(5, 31 if "resumed" in run.parts else 51, 5))
        assert not list((run / "checkpoints").glob(".*"))


def test_spreading_needs_a_process_group(monkeypatch):
    with pytest.raises(ValueError, match=r"wanted a process group.*start the script with torchrun"):
        spread(nn.Linear(2, 2))
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    with pytest.raises(ValueError, match=r'wanted "ddp" or "fsdp", got \'zero\''):
        spread(nn.Linear(2, 2), "zero")


def test_a_plain_model_among_several_processes_is_refused(monkeypatch):
    from trainkit import adamw, evaluate, train_steps

    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 4)
    model = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"joined to the other 3 processes, got a plain Linear; wrap it"):
        train_steps(model, [], lambda m, b: (m(b).sum(), 1), adamw(model, 0.1))
    with pytest.raises(ValueError, match=r"got a plain Linear"):
        evaluate(model, [[torch.zeros(1, 2)]], lambda m, b: (m(b).sum(), 1))


def test_where_one_process_fails_to_save_no_other_waits(tmp_path, start_script, finish, monkeypatch):
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    script = SCRIPT.with_name("failure_script.py")
    assert [finish(p) for p in [start_script(script, rank, tmp_path) for rank in (0, 1)]] == [0, 0]
    told = [json.loads((tmp_path / f"told-{rank}.json").read_text()) for rank in (0, 1)]
    assert [t["good"] for t in told] == ["saved", "saved"]
    assert [t["steps"] for t in told] == [[1], [1]]
    for failing in (0, 1):
        assert "the disk broke" in told[failing][f"part of {failing}"]
        other = told[1 - failing][f"part of {failing}"]
        assert re.search(
            rf"wanted a checkpoint from all.*error in process {failing}: .*the disk broke.*; earlier.*resume", other
        )
    assert re.search(r"wanted room for the checkpoint of step 2", told[0]["rename"])
    assert re.search(r"error in process 0: .*wanted room for the checkpoint of step 2", told[1]["rename"])
    assert "FileExistsError" in told[0]["folder"]
    assert re.search(r"error in process 0: .*File exists", told[1]["folder"])
    assert all('wanted "latest", "best"' in t["load"] for t in told)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["latest", "step-000001"]
