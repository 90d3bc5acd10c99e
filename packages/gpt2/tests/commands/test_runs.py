"""`gpt2 runs`: what became of runs, and how two of them differ, is what the runs themselves say."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gpt2
from gpt2 import TrainSettings


@pytest.fixture
def runs(text_file, tmp_path, monkeypatch) -> dict[str, gpt2.TextRun]:
    """A finished run, one that stopped at its third step, and one that goes on."""
    monkeypatch.chdir(tmp_path)
    made = {}
    for name, seed, stop in (("001", 0, 0), ("002", 1, 3), ("long-name-of-a-run-of-mine", 2, 0)):
        settings = TrainSettings(
            text=str(text_file), out=Path("runs", name), recipe="tiny", steps=4, seed=seed, log_every=1, device="cpu"
        )
        made[name] = gpt2.run(settings, lambda stop=stop: bool(stop) and made["002"].last_step == stop)
    for name in ("001", "002"):
        list(made[name])
    return made


def test_every_run_has_a_line_with_its_state(runs, command):
    with contextlib.closing(iter(runs["long-name-of-a-run-of-mine"])) as going:
        next(going)
        told = command("runs", "--json")
        listed = command("runs")
    code, out, _ = told
    first, second, third = json.loads(out)
    assert code == 0
    assert (first["recipe"], Path(first["text"]).name, first["steps"], first["total"]) == ("tiny", "topics.txt", 4, 4)
    assert first["bits_per_byte"] == runs["001"].bits_per_byte
    assert (first["state"], first["pid"], first["seconds"] > 0) == ("finished", None, True)
    assert (second["state"], second["steps"]) == ("stopped at 3", 3)
    assert (third["state"], third["steps"]) == (f"running, pid {os.getpid()}", 1)
    code, out, _ = listed
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["RUN", "001", "002", lines[3].split()[0]]
    assert f"{runs['001'].bits_per_byte:.4f}" in lines[1]
    assert " topics.txt " in lines[1]
    assert "4/4" in lines[1]
    assert lines[1].endswith("finished")
    assert "train --resume runs/002" in lines[-1]
    assert max(map(len, lines[:4])) <= 80
    assert "stopped at 0" in command("runs", "runs/long-name-of-a-run-of-mine")[1]


def test_a_lock_of_another_process_is_told_and_one_left_behind_is_not(runs, command):
    runs["long-name-of-a-run-of-mine"]._held.release()
    code = "import workbench; held = workbench.hold('runs/002'); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        assert json.loads(command("runs", "runs/002", "--json")[1])[0]["pid"] == other.pid
        other.kill()
    assert Path("runs/002/.lock").exists()
    assert json.loads(command("runs", "runs/002", "--json")[1])[0]["state"] == "stopped at 3"


def test_two_runs_side_by_side_with_what_differs(runs, command):
    code, out, _ = command("runs", "runs/001", "runs/002", "--json")
    said = json.loads(out)
    assert (code, said["differs"]) == (0, {"seed": [0, 1]})
    assert [one["folder"] for one in said["runs"]] == ["runs/001", "runs/002"]
    out = command("runs", "runs/001", "runs/002")[1]
    assert ["seed", "0", "1"] in [line.split() for line in out.splitlines()]
    assert "recipe runs/001" in out.splitlines()[-1]
    assert max(map(len, out.splitlines())) <= 80
    assert "Nothing differs" in command("runs", "runs/001", "runs/001")[1]


def test_damaged_folders_are_named_in_a_line(runs, command):
    for name, content in {"a": None, "b": "{", "c": '{"recipe": []}', "d": "[" * 100_000, "e": "\0"}.items():
        Path("runs", name).mkdir()
        if content is not None:
            Path("runs", name, "run.json").write_text(content)
    with Path("runs/001/metrics.jsonl").open("a") as metrics:
        metrics.write('{"step": 5, "sec')
    code, out, _ = command("runs")
    assert code == 0
    assert "a: wanted a run, got no run.json" in out
    assert "c: wanted a run of train, got a run.json of another kind" in out
    assert all(f"{name}: wanted the record of a run, got a damaged run.json" in out for name in "bde")
    assert f"{runs['001'].bits_per_byte:.4f}" in out
    assert len(json.loads(command("runs", "--json")[1])) == 8


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "runs: wanted a folder with runs, got no folder runs here"),
        (["file"], "wanted a folder with runs, got a file, file"),
        (["empty"], "empty: wanted a folder with runs, got none in it"),
        (["empty", "nowhere"], "empty: wanted a run, got no run.json"),
        (["a", "b", "c"], "FOLDER: wanted one folder, or two runs, got 3"),
    ],
)
def test_what_is_no_folder_of_runs(command, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("empty").mkdir()
    code, _, errors = command("runs", *words)
    assert (code, errors.count("\n")) == (2, 1)
    assert said in errors


def test_a_folder_above_the_runs_is_led_to_them(runs, command):
    Path("sweep", "done").mkdir(parents=True)
    Path("runs").rename("sweep/runs")
    code, _, errors = command("runs", "sweep")
    assert code == 2
    assert errors.endswith(f"got them one folder further down; name {Path('sweep', 'runs')}\n")
