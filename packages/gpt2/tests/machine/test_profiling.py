"""`train --profile` tells where the time goes, and its parts add up."""

import dataclasses
import json
import re

import pytest

import gpt2.training.run
from gpt2 import TrainSettings
from gpt2.commands import main as command

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
