"""`--precision`: 16-bit products where they are asked for, and nowhere else."""

import dataclasses
import json

import pytest
import torch

import gpt2
from gpt2 import TextCurriculum, TrainSettings
from gpt2.machine import precision


@pytest.fixture
def settings(text_file, tmp_path) -> TrainSettings:
    return TrainSettings(text=str(text_file), out=tmp_path / "run", recipe="tiny", steps=8, batch_size=4)


def finished(settings: TrainSettings) -> gpt2.Run:
    run = gpt2.run(settings)
    for _ in run:
        assert torch.get_float32_matmul_precision() == "highest"
    return run


def weights(run: gpt2.Run) -> bytes:
    return (run.folder / "model" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("name", ["medium", "bfloat16"])
def test_a_run_in_16_bit_products_learns_the_same_and_resumes_to_the_same_bits(settings, tmp_path, name):
    usual = finished(settings)
    unbroken = finished(dataclasses.replace(settings, out=tmp_path / "unbroken", precision=name))
    assert unbroken.validation.loss == pytest.approx(usual.validation.loss, rel=5e-3)
    assert {p.dtype for p in unbroken.model.parameters()} == {torch.float32}
    assert name == "medium" or weights(unbroken) != weights(usual)  # some processors have no other products
    answers = iter([False, False, True])
    stopped = gpt2.run(dataclasses.replace(settings, out=tmp_path / "stopped", precision=name), lambda: next(answers))
    assert len(list(stopped)) == 3
    resumed = finished(TrainSettings(resume=stopped.folder))
    assert weights(resumed) == weights(unbroken)
    assert resumed.validation == unbroken.validation


def test_float32_is_the_default_of_tiny_and_means_it(settings, tmp_path):
    assert weights(finished(settings)) == weights(
        finished(dataclasses.replace(settings, out=tmp_path / "named", precision="float32"))
    )


def test_a_recipe_that_leaves_it_open_decides_like_auto(settings, monkeypatch):
    monkeypatch.setattr(precision, "has_16_bit_units", lambda: True)
    run = gpt2.run(dataclasses.replace(settings, device="cpu", recipe="small"))
    assert run.record.precision == "bfloat16"


def test_a_run_in_16_bit_products_is_judged_in_float32(settings):
    """By the saved model, in plain float32, over the same windows."""
    run = finished(dataclasses.replace(settings, device="cpu", precision="bfloat16"))
    model, _ = gpt2.load(run.folder / "model")
    with torch.inference_mode():
        pairs = [model.loss(*batch) for step in run.text.evaluation_batches(run.config.n_ctx, 64) for batch in step]
    assert float(sum(total for total, _ in pairs)) == pytest.approx(run.validation.total, rel=1e-6)


def test_medium_holds_while_a_step_is_computed_and_not_between_steps(settings, monkeypatch):
    seen, good = [], TextCurriculum.loss

    def loss(model, batch):
        seen.append((model.training, torch.get_float32_matmul_precision()))
        return good(model, batch)

    monkeypatch.setattr(TextCurriculum, "loss", staticmethod(loss))
    finished(dataclasses.replace(settings, precision="medium", device="cpu"))
    assert set(seen) == {(True, "medium"), (False, "highest")}


@pytest.mark.parametrize(("tiles", "means"), [(True, "bfloat16"), (False, "float32")])
def test_auto_is_decided_once_and_stands_in_run_json(settings, monkeypatch, tiles, means):
    monkeypatch.setattr(precision, "has_16_bit_units", lambda: tiles)
    run = gpt2.run(dataclasses.replace(settings, device="cpu", precision="auto"))
    assert json.loads((run.folder / "run.json").read_text())["precision"] == means
    monkeypatch.setattr(precision, "has_16_bit_units", lambda: not tiles)
    assert gpt2.run(TrainSettings(resume=run.folder, precision="auto")).record.precision == means
    assert gpt2.run(TrainSettings(resume=run.folder, precision=means)).record.precision == means


def test_another_precision_on_resume_is_refused(settings):
    gpt2.run(settings)
    with pytest.raises(ValueError, match=r"--precision: wanted float32, as the run in .* got medium; leave --prec"):
        gpt2.run(TrainSettings(resume=settings.out, precision="medium"))


def test_a_run_of_before_there_was_a_choice_goes_on_in_float32(settings):
    gpt2.run(settings)
    path = settings.out / "run.json"
    record = json.loads(path.read_text())
    del record["precision"], record["compiled"], record["settings"]["precision"], record["settings"]["compile"]
    path.write_text(json.dumps(record))
    run = finished(TrainSettings(resume=settings.out))
    assert (run.record.precision, run.compiled) == ("float32", None)


@pytest.mark.parametrize(("name", "first"), [("precision", "float32"), ("compile", "off")])
def test_an_unknown_word_is_refused(settings, name, first):
    with pytest.raises(ValueError, match=rf"--{name}: wanted one of {first}, .*, got 'fast'; leave --{name} out$"):
        gpt2.run(dataclasses.replace(settings, **{name: "fast"}))
    assert not settings.out.exists()
