"""A run that learns preferences: exact when resumed, its reference computed once, and the preferred answer gains."""

import json
from dataclasses import replace

import pytest
import torch

import gpt2
from finetuning import PreferSettings, judge_pairs, load_adapter, prefer
from finetuning.preferring import reference
from finetuning.running import forgetting

METHODS = [
    {"method": "lora", "rank": 2, "dropout": 0.2},
    {"method": "full", "loss": "ipo", "micro_batch_size": 3},
    {"method": "last:1", "loss": "simpo"},
]


@pytest.fixture(autouse=True)
def old_text(monkeypatch):
    monkeypatch.setattr(forgetting, "old_documents", lambda: ("The lazy dog is quick.", "A fox, of course."))


def settings(folder, data, out, **changes):
    given = {"steps": 4, "batch_size": 4, "save_every": 2, "evaluate_every": 2, "device": "cpu"}
    return PreferSettings(source=str(folder), data=data, out=out, **given | changes)


def tensors_of(out):
    found = {path.parent.name: path.read_bytes() for path in out.glob("*/*.safetensors")}
    assert found
    return found


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method["method"])
def test_a_run_that_stops_anywhere_ends_with_the_same_bits(folder, pairs, tmp_path, method, monkeypatch):
    for _ in prefer(settings(folder, pairs, tmp_path / "whole", **method)):
        pass
    out, seen = tmp_path / "stopped", []
    for step in prefer(settings(folder, pairs, out, **method), lambda: len(seen) + 1 >= 3):
        seen.append(step.number)
    assert seen == [1, 2, 3]
    torch.manual_seed(7)
    monkeypatch.setattr(reference, "judge_pairs", None)  # the reference's numbers are there already
    for _ in prefer(PreferSettings(resume=out, device="cpu")):
        pass
    assert tensors_of(out) == tensors_of(tmp_path / "whole")


def test_the_preferred_answer_gains_and_both_curves_are_there(folder, pairs, tmp_path):
    run = prefer(settings(folder, pairs, tmp_path / "r", steps=20, evaluate_every=10, learning_rate=1e-2))
    model, _ = gpt2.load(folder)
    before = judge_pairs(model, run.judged)
    assert run.validation.loss == pytest.approx(0.6931, abs=1e-3)  # nothing has moved yet: ln 2
    for _ in run:
        pass
    adapted, _ = load_adapter(tmp_path / "r" / "adapter", model)
    after = judge_pairs(adapted, run.judged)
    assert after.moved(before).value == 1
    assert after.preferred.value >= before.preferred.value
    lines = [json.loads(line) for line in (tmp_path / "r" / "metrics.jsonl").read_text("utf-8").splitlines()]
    curves = {line["step"]: line for line in lines if "chosen_log_probability" in line}
    assert curves.keys() == {10, 20}
    chosen, rejected = after.tensor().mean(0).tolist()
    assert curves[20]["chosen_log_probability"] == pytest.approx(chosen, rel=1e-4)
    assert curves[20]["rejected_log_probability"] == pytest.approx(rejected, rel=1e-4)
    assert [line["validation_loss"] for line in lines if "validation_loss" in line][-1] < 0.3


def test_the_reference_is_that_of_its_base_and_pairs(folder, pairs, tmp_path):
    run = prefer(settings(folder, pairs, tmp_path / "r"), lambda: True)
    next(iter(run))
    path = tmp_path / "r" / "reference.json"
    content = json.loads(path.read_text("utf-8"))
    assert content["base"] == run.record.base["sha256"]
    assert len(content["learned"]) + len(content["held_out"]) == 40
    for change, message in (
        ({"base": "0" * 64}, "got those of another base or other pairs"),
        ({"learned": content["learned"][1:]}, "wanted two numbers for each of the"),
        ({"held_out": [["x", 1.0]] * len(content["held_out"])}, "wanted two numbers for each of the"),
    ):
        path.write_text(json.dumps(content | change), "utf-8")
        with pytest.raises(ValueError, match=message):
            prefer(PreferSettings(resume=tmp_path / "r", device="cpu"))
    path.unlink()
    with pytest.raises(ValueError, match=r"reference.json: wanted .* that this run began with, got no such file"):
        prefer(PreferSettings(resume=tmp_path / "r", device="cpu"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beta": 0.0}, "--beta: wanted a number above 0"),
        ({"beta": float("nan")}, "--beta: wanted a number above 0"),
        ({"margin": 1.0}, "--margin: wanted --loss simpo beside it, got dpo"),
        ({"margin": -1.0, "loss": "simpo"}, "--margin: wanted a number from 0 on"),
        ({"method": "full", "rank": 4}, "--rank: wanted --method lora or dora beside it"),
        ({"source": None}, "MODEL: wanted a model to start from"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(folder, pairs, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        prefer(replace(settings(folder, pairs, tmp_path / "r"), **change))
    assert not (tmp_path / "r" / "run.json").exists()
