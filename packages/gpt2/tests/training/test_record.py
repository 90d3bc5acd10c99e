"""The run folder: claimed by one, held by one, and written so that a power cut leaves all of it or nothing."""

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gpt2
from gpt2 import TrainSettings
from gpt2.training.record import read_record
from workbench import InUse, hold

SHORT = {"recipe": "tiny", "steps": 2, "batch_size": 4, "evaluate_every": 1, "device": "cpu"}
HOLDER = "import sys, time, workbench; kept = workbench.hold(sys.argv[1]); print('held', flush=True); time.sleep(60)"


@pytest.fixture
def settings(text_file):
    return TrainSettings(text=str(text_file), **SHORT)


@pytest.fixture(scope="module")
def finished(text_file, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    for _ in gpt2.run(TrainSettings(text=str(text_file), out=folder, **SHORT)):
        pass
    return folder


@pytest.fixture
def other():
    """Another process that holds a folder."""
    started = []

    def start(folder):
        started.append(subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "held\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_two_runs_that_start_together_get_two_folders(settings, tmp_path, monkeypatch):
    from gpt2.training import opening

    monkeypatch.chdir(tmp_path)
    read, second = opening.source_text, []

    def reading(*given):
        monkeypatch.setattr(opening, "source_text", read)
        second.append(gpt2.run(settings))  # begins while the first reads its text
        return read(*given)

    monkeypatch.setattr(opening, "source_text", reading)
    first = gpt2.run(settings)
    assert {str(second[0].folder), str(first.folder)} == {"runs/001", "runs/002"}
    for run in (first, second[0]):
        assert [step.number for step in run] == [1, 2]
        assert (run.folder / "model" / "config.json").is_file()


def test_a_second_resume_is_refused_with_the_process_that_works_there(finished, other):
    process = other(finished)
    with pytest.raises(InUse, match=f"in use by process {process.pid}; wait") as refused:
        gpt2.run(TrainSettings(resume=finished))
    assert refused.value.pid == process.pid
    process.kill()
    process.wait()
    assert len(list(gpt2.run(TrainSettings(resume=finished)))) == 0  # what a dead process held is taken over


def test_a_folder_in_which_another_has_just_begun_is_refused(settings, tmp_path, other):
    (tmp_path / "run").mkdir()
    process = other(tmp_path / "run")
    with pytest.raises(InUse, match=f"in use by process {process.pid}"):
        gpt2.run(TrainSettings(text=settings.text, out=tmp_path / "run", **SHORT))


def test_a_run_holds_its_folder_from_its_preparation_to_its_end(settings, tmp_path):
    run = gpt2.run(TrainSettings(text=settings.text, out=tmp_path / "run", **SHORT))
    assert (run.folder / ".lock").read_text().split()[0] == str(os.getpid())
    with pytest.raises(InUse, match="this process"):
        hold(run.folder)
    again = gpt2.run(TrainSettings(resume=run.folder))  # as in a notebook, where the first is still at hand
    list(again)
    assert (run.folder / ".lock").exists()
    del run
    gc.collect()
    assert not (again.folder / ".lock").exists()


def test_what_cannot_begin_leaves_no_folder(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for wrong in ({"batch_size": 10**6}, {"text": "nothing.txt"}, {"learning_rate": -1.0}):
        with pytest.raises((ValueError, OSError)):
            gpt2.run(TrainSettings(**{"text": settings.text, **SHORT, **wrong}))
        assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())


@pytest.mark.parametrize(("name", "how"), [("a.txt", "end"), ("a.txt (token files in /tokens/x)", "everywhere")])
def test_a_run_of_before_holds_out_what_it_held_out(finished, tmp_path, name, how):
    content = json.loads((finished / "run.json").read_text())
    assert content["recipe"].pop("held_out_from") == "end"
    content["data"]["name"] = name
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert read_record(tmp_path).recipe.held_out_from == how


@pytest.mark.parametrize("content", [b"", b"\n", b"\0" * 300])
def test_a_record_that_a_power_cut_emptied_says_how_to_go_on_from_the_checkpoints(finished, tmp_path, content):
    path = finished / "run.json"
    whole = path.read_bytes()
    try:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"got an empty file, .*begin a new run from the newest with --from"):
            gpt2.run(TrainSettings(resume=finished))
        run = gpt2.run(TrainSettings(source=str(finished), out=tmp_path / "next", steps=1, batch_size=2, device="cpu"))
        assert run.source == str(finished)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("content", ["[" * 10**5, "{}", "[]", '{"format": 1}', '{"format": 1, "recipe": 3}', "\ud800"])
def test_any_other_record_is_refused_in_a_sentence(finished, content):
    path = finished / "run.json"
    whole = path.read_bytes()
    try:
        path.write_text(content, encoding="utf-8", errors="surrogatepass")
        with pytest.raises(ValueError, match="wanted the record of a run"):
            gpt2.run(TrainSettings(resume=finished))
    finally:
        path.write_bytes(whole)


def test_record_and_model_are_on_the_disk_before_they_have_their_names(settings, tmp_path, monkeypatch):
    flushed, named = set(), {}
    fsync, replace, rename = os.fsync, os.replace, Path.rename

    def note(path, to):
        inside = [path, *Path(path).rglob("*")] if Path(path).is_dir() else [Path(path)]
        named[Path(to).name] = all(os.stat(one).st_ino in flushed for one in inside)

    monkeypatch.setattr(os, "fsync", lambda file: (flushed.add(os.fstat(file).st_ino), fsync(file)))
    monkeypatch.setattr(os, "replace", lambda path, to: (note(path, to), replace(path, to)))
    monkeypatch.setattr(Path, "rename", lambda path, to: (note(path, to), rename(path, to))[1])
    list(gpt2.run(TrainSettings(text=settings.text, out=tmp_path / "run", **SHORT)))
    assert {"run.json", "model", "tokenizer"} <= named.keys()
    assert all(named.values()), named
    assert json.loads((tmp_path / "run" / "run.json").read_text())["format"] == 1


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"[" * 100_000, b"[1]", b"9" * 5_000, b"{"],
    ids=["no UTF-8", "deep", "list", "long number", "torn"],
)
def test_whatever_a_record_holds_it_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"wanted .*run\.json|run\.json: wanted ") as refused:
        list(gpt2.run(TrainSettings(resume=tmp_path)))
    assert len(str(refused.value)) < 600
