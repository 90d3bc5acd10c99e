"""`--compile`: only where it pays, never at the cost of a run. `torch.compile` itself is stood in for (it cannot take
what the tests check of shapes); compiled runs are killed and resumed in `test_kill.py`."""

import dataclasses
import json
import logging
import re

import pytest
import torch

import gpt2
from gpt2 import TrainSettings
from gpt2.machine import compiling

FASTER = {"plain": 200.0, "compiled": 100.0}


@pytest.fixture
def settings(text_file, tmp_path, caplog) -> TrainSettings:
    caplog.set_level(logging.INFO, logger="gpt2")
    return TrainSettings(text=str(text_file), out=tmp_path / "run", recipe="tiny", steps=8, batch_size=4)


@pytest.fixture
def compiler(monkeypatch):
    """Put a `torch.compile` in place that wraps a loss, or fails when that is called; and say how long steps take."""

    def install(error: Exception | None = None, **seconds: float) -> None:
        def stand_in(loss, *, dynamic):
            assert not dynamic

            def compiled(model, batch):
                if error:
                    raise error
                torch.rand(3)  # as dropout draws
                return loss(model, batch)

            return compiled

        monkeypatch.setattr(torch, "compile", stand_in)
        if seconds:
            times = lambda trial, loss: seconds["plain" if loss is trial.loss else "compiled"]  # noqa: E731
            monkeypatch.setattr(compiling.Compiling, "seconds", times)

    return install


def finished(settings: TrainSettings) -> gpt2.Run:
    run = gpt2.run(settings)
    for _ in run:
        pass
    return run


def weights(run: gpt2.Run) -> bytes:
    return (run.folder / "model" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("asked", ["on", "auto"])
def test_trying_it_out_leaves_nothing_behind(settings, tmp_path, compiler, monkeypatch, asked):
    usual = gpt2.run(settings)
    state = torch.get_rng_state()
    for _ in usual:
        pass
    compiler()
    monkeypatch.setattr(compiling, "COST", 0.0)
    run = gpt2.run(dataclasses.replace(settings, out=tmp_path / "compiled", compile=asked))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in run.model.parameters())
    assert asked == "auto" or run.compiled is not None
    for _ in run:
        pass
    assert weights(run) == weights(usual)
    assert asked == "auto" or run.record.compiled


def test_auto_lets_a_short_run_be_and_says_so(settings, caplog, compiler):
    compiler()
    run = gpt2.run(dataclasses.replace(settings, compile="auto"))
    assert run.compiled is None
    # How many seconds a step takes is the machine's affair; these few take less than ten minutes on any.
    said = r"--compile auto: not compiled, \d+ s of steps are to come, and it pays from 600 s on"
    assert re.search(said, caplog.text)


def test_auto_keeps_what_is_faster(settings, tmp_path, caplog, compiler, monkeypatch):
    monkeypatch.setattr(compiling, "COST", 1.0)
    compiler(**FASTER)
    run = gpt2.run(dataclasses.replace(settings, compile="auto"))
    assert run.compiled is not None
    assert "--compile auto: compiled, the steps to come take 100 s instead of 200 s" in caplog.text
    compiler(plain=100.0, compiled=200.0)
    run = gpt2.run(dataclasses.replace(settings, out=tmp_path / "slower", compile="auto"))
    assert run.compiled is None
    assert "not compiled, the steps to come would take 200 s instead of 100 s" in caplog.text


def test_what_was_decided_stands_in_run_json_and_counts_on_resume(settings, compiler):
    compiler()
    run = gpt2.run(dataclasses.replace(settings, compile="on"))
    assert json.loads((run.folder / "run.json").read_text())["compiled"] is True
    for asked in (None, "auto", "on"):
        assert gpt2.run(TrainSettings(resume=run.folder, compile=asked)).compiled is not None
    with pytest.raises(ValueError, match=r"--compile: wanted on, as the run in .* got off; leave --compile out"):
        gpt2.run(TrainSettings(resume=run.folder, compile="off"))


BROKEN = RuntimeError("no C++ compiler was found\nand much more")


def test_auto_falls_back_where_compiling_fails_with_the_reason(settings, tmp_path, caplog, compiler, monkeypatch):
    usual = finished(settings)
    monkeypatch.setattr(compiling, "COST", 1.0)
    compiler(BROKEN, **FASTER)
    run = finished(dataclasses.replace(settings, out=tmp_path / "auto", compile="auto"))
    assert "--compile auto: not compiled, that failed: RuntimeError: no C++ compiler was found\n" in caplog.text
    assert weights(run) == weights(usual)
    assert run.record.compiled is False


def test_on_is_refused_where_compiling_fails_before_anything_is_written(settings, compiler):
    compiler(BROKEN)
    with pytest.raises(ValueError, match=r"--compile on: wanted .* got RuntimeError: no C\+\+ .*; install .* or leave"):
        gpt2.run(dataclasses.replace(settings, compile="on"))
    assert not settings.out.exists()


def test_a_compiled_run_goes_on_without_where_compiling_fails_now(settings, caplog, compiler):
    compiler()
    gpt2.run(dataclasses.replace(settings, compile="on"))
    compiler(BROKEN)
    run = finished(TrainSettings(resume=settings.out))
    assert run.finished
    assert "resumes without torch.compile, so equal up to rounding only, as it fails here: RuntimeError" in caplog.text


def test_shards_are_not_compiled(settings):
    with pytest.raises(ValueError, match=r"--compile on: wanted .* got --shard; leave one of them out"):
        gpt2.run(dataclasses.replace(settings, compile="on", shard=True))
