"""Looking at a run: it changes nothing, tells where the time goes, and what a step was about."""

import dataclasses
import json
import re

import pytest
import torch

import gpt2.training.run
from gpt2 import TrainSettings
from gpt2.commands import main as command
from gpt2.commands.batch import describe
from gpt2.commands.settings import BatchSettings
from trainkit import NonFiniteLoss

PARTS = {"data", "forward", "backward", "optimizer", "evaluation", "checkpoint", "everything else"}


@pytest.fixture
def settings(text_file, tmp_path) -> TrainSettings:
    return TrainSettings(text=str(text_file), out=tmp_path / "run", recipe="tiny", steps=9, batch_size=3)


def finished(settings: TrainSettings, watch=lambda run, step: None) -> gpt2.Run:
    run = gpt2.run(settings)
    for step in run:
        watch(run, step)
    return run


def weights(run: gpt2.Run) -> bytes:
    return (run.folder / "model" / "model.safetensors").read_bytes()


class NoTensorBoard:
    """A SummaryWriter that does nothing."""

    def __init__(self, *arguments, **options):
        pass

    def __getattr__(self, name):
        return lambda *arguments, **options: None


@pytest.mark.parametrize("what", ["evaluation", "checkpoints", "log lines", "profile", "samples", "no TensorBoard"])
def test_no_way_of_watching_changes_a_weight(settings, tmp_path, monkeypatch, what):
    seldom = finished(settings)
    changes = {
        "evaluation": {"evaluate_every": 1, "save_every": 9},
        "checkpoints": {"save_every": 1},
        "log lines": {"log_every": 1},
        "profile": {"profile": True},
    }
    if what == "no TensorBoard":
        monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter", NoTensorBoard)

    def sample(run, step):
        if what == "samples":
            with torch.inference_mode():
                logits = run.model.eval()(torch.zeros(1, 4, dtype=torch.long))
            torch.multinomial(logits[0].softmax(-1), 1)
            run.evaluate()

    watched = finished(dataclasses.replace(settings, out=tmp_path / "watched", **changes.get(what, {})), sample)
    assert weights(watched) == weights(seldom)


def test_a_profile_names_every_part_and_adds_up(settings):
    run = finished(dataclasses.replace(settings, profile=True, evaluate_every=3))
    assert set(run.profile.seconds) == {*PARTS, "profiler"}
    table = (run.folder / "profile" / "time.txt").read_text().splitlines()
    rows = {
        match[1].strip(): float(match[2])
        for row in table[1:]
        if (match := re.match(r" +(\D+?) +[\d.]+ s +([\d.]+) %", row))
    }
    assert set(rows) == PARTS
    assert sum(rows.values()) == pytest.approx(100, abs=0.5)
    trace = json.loads((run.folder / "profile" / "trace.json").read_text())["traceEvents"]
    assert {"data", "forward", "backward", "optimizer", "evaluation"} <= {event.get("name") for event in trace}


def test_the_command_shows_the_profile(settings, monkeypatch, capsys):
    arguments = ["--text", settings.text, "--out", str(settings.out), "--recipe", "tiny", "--steps", "4", "--profile"]
    monkeypatch.setattr("sys.argv", ["train", *arguments])
    with pytest.raises(SystemExit):
        command.train()
    said = capsys.readouterr().out
    assert all(word in said for word in ("Time of 4 steps", "forward", "checkpoint", "trace.json"))


@pytest.fixture
def broken_at(monkeypatch):
    """Make the loss of the given calls of the training loss, one a step, no number."""
    good = gpt2.training.run.model_loss

    def break_at(*numbers):
        calls = iter(range(1, 10**6))

        def loss(model, batch):
            total, count = good(model, batch)
            return (total * float("nan") if model.training and next(calls) in numbers else total), count

        monkeypatch.setattr(gpt2.training.run, "model_loss", loss)

    return break_at


def checkpoint(run: gpt2.Run, step: int) -> bytes:
    return (run.folder / "checkpoints" / f"step-{step:06d}" / "model.safetensors").read_bytes()


def test_a_step_without_a_number_is_left_out_up_to_the_limit(settings, broken_at, caplog):
    broken_at(4)
    run = gpt2.run(dataclasses.replace(settings, save_every=1, skip_limit=1))
    for step in run:
        assert step.skipped == (step.number == 4)
        if step.number == 4:
            assert checkpoint(run, 4) == checkpoint(run, 3)
    assert "step 4 was left out, loss nan and gradient norm nan (1 of at most 1); its text: " in caplog.text
    assert f"gpt2 batch {run.folder} 4" in caplog.text
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["skipped_steps"] for line in lines if "skipped_steps" in line] == [1.0]


def test_by_default_it_stops_and_a_resumed_run_counts_on(settings, broken_at):
    broken_at(6)
    with pytest.raises(NonFiniteLoss, match="in step 6"):
        finished(dataclasses.replace(settings, save_every=5))
    broken_at(1, 3)  # steps 6 and 8
    with pytest.raises(NonFiniteLoss, match="in step 8"):
        finished(TrainSettings(resume=settings.out, skip_limit=1))
    run = gpt2.run(TrainSettings(resume=settings.out))
    assert (run.start, run.guard.skip_limit) == (5, 0)


def test_the_count_of_steps_left_out_is_in_the_checkpoint(settings, broken_at):
    broken_at(2, 6)
    with pytest.raises(NonFiniteLoss, match="in step 6"):
        finished(dataclasses.replace(settings, save_every=1, skip_limit=1))
    run = gpt2.run(TrainSettings(resume=settings.out))
    assert (run.start, run.guard.skipped, run.guard.skip_limit) == (5, 1, 1)


def test_the_text_of_a_step_is_what_the_model_saw(settings, monkeypatch):
    seen, good = [], gpt2.training.run.model_loss

    def loss(model, batch):
        if model.training:
            seen.append(batch)
        return good(model, batch)

    monkeypatch.setattr(gpt2.training.run, "model_loss", loss)
    run = finished(settings)
    for number, (inputs, targets) in enumerate(seen, start=1):
        said = describe(BatchSettings(run.folder, number))
        assert said.startswith(f"Step {number} of 9: 3 windows of 32 tokens from ")
        for window, target in zip(inputs, targets, strict=True):
            assert run.tokenizer.decode([*window.tolist(), int(target[-1])]) in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["RUN", "0"], ["STEP: wanted a step of the run, 1 to 9, got 0"]),
        (["RUN", "10"], ["1 to 9, got 10"]),
        (["nowhere", "1"], ["nowhere", "wanted a run folder, got no such folder"]),
    ],
)
def test_the_text_of_a_step_that_is_not_there(settings, monkeypatch, capsys, arguments, words):
    gpt2.run(settings)
    monkeypatch.setattr("sys.argv", ["gpt2", "batch", *(str(settings.out) if a == "RUN" else a for a in arguments)])
    with pytest.raises(SystemExit) as end:
        command.main()
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert all(word in said for word in words), said


def test_the_error_of_a_stopped_run_names_the_command_that_shows_its_text(settings, broken_at, monkeypatch, capsys):
    broken_at(3)
    monkeypatch.setattr("sys.argv", ["train", "--text", settings.text, "--out", str(settings.out), "--recipe", "tiny"])
    with pytest.raises(SystemExit) as end:
        command.train()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert f"gpt2 batch {settings.out} 3" in said
    assert f"train --resume {settings.out} --skip-limit 1, or begin a new run with a lower --learning-rate" in said


def test_a_negative_limit_is_refused(settings):
    with pytest.raises(ValueError, match=r"--skip-limit: wanted 0 steps or more, got -1"):
        gpt2.run(dataclasses.replace(settings, skip_limit=-1))
