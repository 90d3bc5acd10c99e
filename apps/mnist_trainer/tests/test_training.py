"""A run learns, stops where it should, and goes on as if nothing had happened."""

import dataclasses
import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from safetensors.torch import load_file

from mnist_trainer import TrainSettings, run
from mnist_trainer.commands.main import main
from trainkit import ModulePart

SHORT = TrainSettings(epochs=2, patience=2, device="cpu", log_every=5)
OPTIONS = ["--epochs", "2", "--patience", "2", "--device", "cpu", "--log-every", "5"]
"""The same on the command line."""
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
"""As this process is set: other numbers of threads add up in another order, to other bits."""


def train(settings):
    training = run(settings)
    steps = list(training)
    return training, steps


def model_bytes(folder):
    return (folder / "model" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    train(dataclasses.replace(SHORT, out=folder))
    return folder


def logged_steps(folder):
    return [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def start_process(folder):
    """The command in a process of its own; returns once its second epoch has begun."""
    command = [sys.executable, "-m", "mnist_trainer", "--out", str(folder), *OPTIONS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ONE_THREAD)
    deadline = time.monotonic() + 300
    while not (folder / "checkpoints" / "latest").exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "no checkpoint in 300 s"
        time.sleep(0.01)
    return process


def test_default_recipe_reads_more_than_97_percent_of_held_out_digits(default_run):
    assert default_run.judgement.accuracy > 0.97
    assert len(default_run.judgement.labels) == 359


def test_network_stays_below_100_thousand_parameters(default_run):
    assert default_run.model.n_parameters <= 100_000


def test_no_image_is_on_two_sides(default_run):
    data = default_run.data
    sides = [{image.numpy().tobytes() for image in side.arrays[0]} for side in (data.train, data.validation, data.test)]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


def test_killed_and_resumed_run_ends_in_the_same_bits(unbroken, tmp_path):
    process = start_process(tmp_path / "run")
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    resumed, steps = train(TrainSettings(resume=tmp_path / "run", device="cpu"))
    assert 0 < len(steps) < resumed.total
    assert model_bytes(tmp_path / "run") == model_bytes(unbroken)


def test_ctrl_c_saves_says_how_to_go_on_and_the_rest_gives_the_same_bits(unbroken, tmp_path, capsys):
    folder = tmp_path / "run"

    def press_ctrl_c():
        while not (folder / "checkpoints" / "latest").exists():
            time.sleep(0.005)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press_ctrl_c, daemon=True).start()
    with pytest.raises(SystemExit) as stopped:
        main(["--out", str(folder), *OPTIONS])
    assert stopped.value.code == 130
    assert f"--resume {folder}" in capsys.readouterr().out
    assert not (folder / "model").exists()
    train(TrainSettings(resume=folder, device="cpu", log_every=5))
    assert model_bytes(folder) == model_bytes(unbroken)
    assert logged_steps(folder) == logged_steps(unbroken)


SHELLS = {
    "full disk": "{train} >/dev/full 2>/dev/full",
    "reader left": "{{ {train} 2>&1; echo $? >{folder}.code; }} | head -1",
    "no streams": "{train} >&- 2>&-",
    "old encoding": "PYTHONIOENCODING=ascii {train}",
}


@pytest.mark.parametrize("case", SHELLS)
def test_whatever_becomes_of_the_output_the_same_bits_come_of_the_run(case, unbroken, tmp_path):
    if "/dev/full" in SHELLS[case] and not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    folder = tmp_path / "run"
    command = shlex.join([sys.executable, "-m", "mnist_trainer", "--out", str(folder), *OPTIONS])
    shell = SHELLS[case].format(train=command, folder=folder)
    environment = {name: value for name, value in ONE_THREAD.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(["sh", "-c", shell], capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    if case == "reader left":
        assert (tmp_path / "run.code").read_text() == "0\n"
    assert model_bytes(folder) == model_bytes(unbroken)


def test_a_closed_terminal_saves_and_the_rest_gives_the_same_bits(unbroken, tmp_path):
    process = start_process(tmp_path / "run")
    process.send_signal(signal.SIGHUP)
    process.communicate()
    assert process.returncode == 129
    resumed, steps = train(TrainSettings(resume=tmp_path / "run", device="cpu"))
    assert len(steps) < resumed.total
    assert model_bytes(tmp_path / "run") == model_bytes(unbroken)


def test_resume_of_a_finished_run_judges_again_and_changes_nothing(unbroken):
    before, results = model_bytes(unbroken), (unbroken / "results.json").read_text()
    _, steps = train(TrainSettings(resume=unbroken, device="cpu"))
    assert steps == []
    assert model_bytes(unbroken) == before
    assert (unbroken / "results.json").read_text() == results


def test_early_stop_goes_back_to_the_best_weights(tmp_path):
    # A rate this high makes the validation loss go up and down, so the patience of one epoch soon ends.
    training, steps = train(
        TrainSettings(out=tmp_path / "run", epochs=30, patience=1, learning_rate=0.05, device="cpu")
    )
    assert training.stopped_early
    assert len(steps) < training.total
    best = (tmp_path / "run" / "checkpoints" / "best").read_text().strip()
    latest = (tmp_path / "run" / "checkpoints" / "latest").read_text().strip()
    assert best != latest
    saved = load_file(tmp_path / "run" / "checkpoints" / best / "model.safetensors")
    assert all(torch.equal(tensor, saved[name]) for name, tensor in training.model.state_dict().items())
    # Killed right before it was judged, it is judged when resumed, and does not learn on.
    resumed, more = train(TrainSettings(resume=tmp_path / "run", device="cpu"))
    assert more == []
    assert resumed.results() == training.results()


def test_another_seed_gives_another_network(unbroken, tmp_path):
    training, _ = train(dataclasses.replace(SHORT, out=tmp_path / "run", seed=1))
    assert model_bytes(training.folder) != model_bytes(unbroken)


def test_run_folder_holds_what_a_run_is_looked_at_by(default_run):
    names = {path.relative_to(default_run.folder).as_posix() for path in default_run.folder.rglob("*.*")}
    assert {"run.json", "metrics.jsonl", "results.json", "model/config.json", "model/model.safetensors"} <= names
    assert {"pictures/curves.png", "pictures/confusion.png", "pictures/mistakes.png"} <= names
    assert any(name.startswith("events.out.tfevents") for name in names)


def test_images_of_a_folder_are_learned_from_by_their_class_names(drawing, tmp_path):
    for name in ("0", "1"):
        (tmp_path / "drawn" / name).mkdir(parents=True)
        for number in range(24):
            image = drawing(name, side=60 + number, pen=6 + number % 3, scale=0.6, left=number / 80, top=0.1)
            image.save(tmp_path / "drawn" / name / f"{number}.png")
    training, _ = train(
        TrainSettings(data=f"folder:{tmp_path / 'drawn'}", out=tmp_path / "run", epochs=20, batch_size=8, device="cpu")
    )
    assert training.data.classes == ("0", "1")
    assert training.judgement.accuracy == 1.0


def stopped_after(epochs, folder, *, with_losses=False):
    """A run of six epochs that was stopped at the end of one of them; its validation losses. Without losses its
    checkpoints are as versions wrote them that chose by the lowest loss: nothing of earlier epochs is in them."""
    training = run(dataclasses.replace(SHORT, epochs=6, patience=4, out=folder))
    save = training.checkpoints.save
    if not with_losses:
        training.checkpoints.save = lambda number, score, extra: save(
            number, score, {"validation": extra["validation"]}
        )
    for step in training:
        if step.number == epochs * len(training.batches):
            break
    training._hold.release()
    return list(training.turning.losses)


@pytest.mark.parametrize("epochs", [2, 4])
def test_a_run_of_an_earlier_version_keeps_the_losses_that_its_log_has(epochs, tmp_path, caplog):
    losses = stopped_after(epochs, tmp_path / "run")
    assert len(losses) == epochs
    resumed = run(TrainSettings(resume=tmp_path / "run", device="cpu"))
    assert resumed.turning.losses == losses
    assert caplog.text == ""
    assert resumed.seconds > 0


def test_losses_that_are_nowhere_any_more_are_warned_of(tmp_path, caplog):
    losses = stopped_after(3, tmp_path / "run")
    log = tmp_path / "run" / "metrics.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    first = next(line for line in lines if "validation_loss" in line)
    log.write_text("".join(json.dumps(line) + "\n" for line in lines if line is not first))
    resumed = run(TrainSettings(resume=tmp_path / "run", device="cpu"))
    assert resumed.turning.losses == losses[1:]
    assert "the validation losses of 1 epochs are not in its log any more" in caplog.text


def test_seconds_go_on_counting_when_a_run_is_resumed(tmp_path, capsys):
    stopped_after(1, tmp_path / "run", with_losses=True)
    log = tmp_path / "run" / "metrics.jsonl"
    lines = [json.loads(line) | {"seconds": 1000.0} for line in log.read_text().splitlines()]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for _ in range(2):  # the second time there is nothing left to train
        with pytest.raises(SystemExit) as ended:
            main(["--resume", str(tmp_path / "run"), "--device", "cpu"])
        assert ended.value.code == 0
        said = capsys.readouterr().out
        assert 1000 <= int(re.search(r"steps, (\d+) s of training in all", said)[1]) < 2000


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EFBIG])
def test_a_checkpoint_that_cannot_be_written_says_how_to_resume(number, tmp_path, monkeypatch, capsys):
    out = tmp_path / "my run"
    real = ModulePart.save

    def refused(part, folder):
        if (out / "checkpoints" / "latest").exists():
            raise OSError(number, os.strerror(number))
        return real(part, folder)

    monkeypatch.setattr(ModulePart, "save", refused)
    with pytest.raises(SystemExit) as ended:
        main(["--out", str(out), *OPTIONS])
    [line] = capsys.readouterr().err.strip().splitlines()[-1:]
    assert ended.value.code == 2
    assert line.startswith("mnist-trainer: ")
    resume = line.rpartition(". The last good checkpoint is of step 21: resume with ")[2]
    assert shlex.split(resume)[-3:] == ["mnist-trainer", "--resume", str(out)]
    monkeypatch.setattr(ModulePart, "save", real)
    with pytest.raises(SystemExit) as ended:
        main([*shlex.split(resume)[-2:], "--device", "cpu"])
    assert ended.value.code == 0
