"""A run that learns labels: exact when it is resumed, strict about what it goes on with, and it does learn."""

import json

import pytest
import torch
from safetensors.torch import load_file

import gpt2
from finetuning import ClassifySettings, TuneSettings, classify, judge_labels, load_classifier, tune
from finetuning.running import forgetting

METHODS = [
    {"method": "lora", "rank": 2, "dropout": 0.2},
    {"method": "dora", "rank": 2},
    {"method": "full"},
    {"method": "last:1"},
    {"method": "full", "label_start": True},
]


@pytest.fixture(autouse=True)
def old_text(monkeypatch):
    monkeypatch.setattr(forgetting, "old_documents", lambda: ("The lazy dog is quick.", "A fox, of course."))


def settings(folder, data, out, **changes):
    given = {"steps": 4, "batch_size": 8, "save_every": 2, "evaluate_every": 3, "device": "cpu"}
    return ClassifySettings(source=str(folder), data=data, out=out, **given | changes)


def saved(out):
    return (out / "model" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_run_that_stops_anywhere_ends_with_the_same_bits(folder, labeled, tmp_path, method):
    for _ in classify(settings(folder, labeled, tmp_path / "whole", **method)):
        pass
    for stop in (1, 2):
        out = tmp_path / f"stopped-{stop}"
        seen = []
        for step in classify(settings(folder, labeled, out, **method), lambda s=seen, n=stop: len(s) + 1 >= n):
            seen.append(step.number)
        assert seen == list(range(1, stop + 1))
        torch.manual_seed(stop)
        for _ in classify(ClassifySettings(resume=out, device="cpu")):
            pass
        assert saved(out) == saved(tmp_path / "whole")


def test_a_start_from_labels_is_a_finished_run_without_a_step(folder, labeled, tmp_path):
    """It is what the classifier begins as, and so is what one has who resumes it, also if it was killed on the way."""
    computed = {"method": "full", "label_start": True}
    run = classify(settings(folder, labeled, tmp_path / "r", **computed, steps=None))
    began = judge_labels(run.model, run.curriculum.judged)
    assert run.total == 0
    assert not run.finished
    assert list(run) == []
    assert run.finished
    classifier, _ = load_classifier(tmp_path / "r")
    assert judge_labels(classifier, run.curriculum.judged).sure == pytest.approx(began.sure)
    [line] = (tmp_path / "r" / "metrics.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["step"] == 0
    assert json.loads(line)["validation_loss"] == pytest.approx(run.validation.loss)
    for begun in (tmp_path / "r", tmp_path / "killed"):
        if begun.name == "killed":  # prepared, and never iterated over
            classify(settings(folder, labeled, begun, **computed, steps=2))._held.release()
        again = classify(ClassifySettings(resume=begun, device="cpu"))
        assert judge_labels(again.model, again.curriculum.judged) == began
        assert again.validation == run.validation
        again._held.release()
    assert (tmp_path / "r" / "metrics.jsonl").read_text("utf-8").count("\n") == 1


@pytest.mark.parametrize(
    ("asked", "steps"),
    [({"steps": 0}, 0), ({"steps": 3}, 3), ({"epochs": 1.0}, 7), ({"epochs": 1.0, "steps": 0}, 0)],
)
def test_steps_after_a_start_from_labels_are_those_that_are_asked_for(folder, labeled, tmp_path, asked, steps):
    given = {"method": "full", "label_start": True, "steps": None}
    run = classify(settings(folder, labeled, tmp_path / "r", **given | asked))
    assert run.total == steps
    assert run.record.settings.rate == ClassifySettings(method="full").rate


def test_no_step_is_a_run_only_where_the_start_is_computed(folder, labeled, tmp_path):
    with pytest.raises(ValueError, match="--steps: wanted a whole number of at least 1, got 0"):
        classify(settings(folder, labeled, tmp_path / "r", steps=0))
    given = {"method": "full", "label_start": True, "learning_rate": 1e-3}
    with pytest.raises(ValueError, match=r"--learning-rate: wanted --steps or --epochs beside it, .* got 0\.001"):
        classify(settings(folder, labeled, tmp_path / "r", **given, steps=None))
    assert not (tmp_path / "r").exists()


def test_it_learns_the_labels(folder, labeled, tmp_path):
    run = classify(settings(folder, labeled, tmp_path / "r", method="full", steps=40, learning_rate=1e-2))
    before = judge_labels(run.model, run.curriculum.judged)
    for _ in run:
        pass
    classifier, _ = load_classifier(tmp_path / "r")
    after = judge_labels(classifier, run.curriculum.judged)
    assert before.accuracy.value < 0.9
    assert after.accuracy.value == 1
    lines = [json.loads(line) for line in (tmp_path / "r" / "metrics.jsonl").read_text("utf-8").splitlines()]
    told = [line["validation_loss"] for line in lines if "validation_loss" in line]
    assert told[-1] < 0.5 < told[0]


def test_what_is_frozen_keeps_its_bits(folder, labeled, tmp_path):
    base = load_file(folder / "model.safetensors")
    for _ in classify(settings(folder, labeled, tmp_path / "r", method="last:1")):
        pass
    after = load_file(tmp_path / "r" / "model" / "model.safetensors")
    after["transformer.wte.weight"] = after["transformer.wte.weight"][: len(base["transformer.wte.weight"])]
    changed = {name for name in base if not torch.equal(base[name], after[name])}
    assert changed
    assert all(name.startswith(("transformer.h.1.", "transformer.ln_f")) for name in changed)


def test_a_run_goes_on_only_with_its_own_texts_and_command(folder, labeled, data, tmp_path):
    run = classify(settings(folder, labeled, tmp_path / "r"), lambda: True)
    assert [step.number for step in run] == [1]
    with pytest.raises(ValueError, match="wanted a run of `finetuning tune`, got one of `finetuning classify`"):
        tune(TuneSettings(resume=tmp_path / "r"))
    text = labeled.read_text("utf-8")
    labeled.write_text(text.replace('"label": "a dog"', '"label": "a cat"'), "utf-8")
    with pytest.raises(ValueError, match=r"wanted .*labeled.jsonl as when the run began \(learned"):
        classify(ClassifySettings(resume=tmp_path / "r"))
    labeled.write_text(text, "utf-8")
    model, tokenizer = gpt2.load(folder)
    with torch.no_grad():
        model.final_norm.bias.add_(1e-3)
    gpt2.save(folder, model, tokenizer)
    with pytest.raises(ValueError, match=r"wanted the model .* as when the run began \(sha256"):
        classify(ClassifySettings(resume=tmp_path / "r"))
