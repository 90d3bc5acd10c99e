"""Every field of a recipe is an option of `train`, means there what it means in a file, and stays what it was."""

import dataclasses
import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import gpt2
from gpt2 import GPT2Config, Recipe, TrainSettings
from gpt2.machine.free_memory import all_memory, check_memory
from gpt2.training.recipe_fields import DECIDED_APART, NO_OPTIONS, SHAPE, TRAINING, changed, meaning
from gpt2.training.settings import recipe_default

OTHER = {
    "n_vocab": 300,
    "n_ctx": 16,
    "n_embd": 24,
    "n_head": 3,
    "n_layer": 1,
    "dropout": 0.1,
    "layer_norm_epsilon": 1e-4,
    "activation": "gelu",
    "steps": 2,
    "batch_size": 4,
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "adam_learning_rate": 3e-3,
    "schedule": "cosine",
    "warmup": 1,
    "half_context": 0.5,
    "weight_decay": 0.3,
    "keep_positions": True,
    "shift_windows": True,
    "decay_schedule": "linear",
    "cautious_decay": True,
    "batch_ramp": 0.5,
    "lookahead": 0.2,
    "muon_gram": False,
    "muon_fitted": True,
    "muon_even": True,
    "muon_split": True,
    "momentum_ramp": True,
    "bigram_start": True,
    "sinusoid_start": True,
    "zero_output": False,
    "held_out": 0.2,
    "held_out_from": "everywhere",
    "evaluations": 1,
}
"""For each field that is an option another value than `tiny` has."""


def options(values: dict) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]


def test_every_field_is_an_option_of_its_kind_with_its_meaning():
    fields = {field.name for kind in (Recipe, GPT2Config) for field in dataclasses.fields(kind)} - NO_OPTIONS
    settings = {field.name for field in dataclasses.fields(TrainSettings)}
    assert fields == {*SHAPE, *TRAINING} == {*OTHER, *DECIDED_APART}
    assert fields <= settings
    assert all(meaning(name) for name in (*SHAPE, *TRAINING))


@pytest.fixture(scope="module")
def begun(text_file, tmp_path_factory) -> Path:
    """A run of two steps with every field otherwise, stopped after the first."""
    out = tmp_path_factory.mktemp("begun") / "run"
    run = gpt2.run(TrainSettings(text=str(text_file), out=out, recipe="tiny", device="cpu", **OTHER), lambda: True)
    assert [step.number for step in run] == [1]
    return out


def test_what_is_typed_is_what_a_file_would_say(command, begun, text_file, tmp_path):
    written = json.loads((begun / "run.json").read_text())["recipe"]
    assert {**written, **written["config"]}.items() >= OTHER.items()
    (tmp_path / "same.toml").write_text(command("recipe", begun)[1])
    losses = []
    for words in (["--recipe", tmp_path / "same.toml"], ["--recipe", "tiny", *options(OTHER)]):
        out = tmp_path / str(len(losses))
        assert command("train", "--text", text_file, "--out", out, "--device", "cpu", *words)[0] == 0
        losses.append(
            [
                json.loads(line)["bits_per_byte"]
                for line in (out / "metrics.jsonl").read_text().splitlines()
                if "validation_loss" in line
            ]
        )
    assert losses[0] == losses[1]
    config = json.loads((tmp_path / "1" / "model" / "config.json").read_text())
    assert (config["n_layer"], config["n_embd"], config["n_head"], config["n_positions"]) == (1, 24, 3, 16)


@pytest.mark.parametrize("name", sorted(OTHER.keys() - {"steps"}))  # which says how to train longer: test_main
def test_a_resumed_run_refuses_another_value_and_takes_its_own(name, begun, tmp_path):
    tiny = gpt2.recipe("tiny")
    theirs = getattr(tiny.config if name in SHAPE else tiny, name)
    shutil.copytree(begun, tmp_path / "run")
    with pytest.raises(ValueError, match=f"--{name.replace('_', '-')}: wanted {OTHER[name]}, as the run in"):
        gpt2.run(TrainSettings(resume=tmp_path / "run", **{name: theirs}))
    assert gpt2.run(TrainSettings(resume=tmp_path / "run", **{name: OTHER[name]})).start == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n_head": 3}, "--n-embd: wanted a multiple of n_head"),
        ({"n_ctx": 10**6}, "wanted at least one window of 1000000 tokens .* the text is too short"),
        ({"n_embd": 10**6}, "shape: wanted at most .* parameters, which is what .* of memory hold in training"),
        ({"n_vocab": 256}, "--n-vocab: wanted at least 257"),
        ({"n_layer": 0}, "--n-layer: wanted a whole number of at least 1, got 0"),
        ({"dropout": 1.0}, r"--dropout: wanted a probability in \[0, 1\)"),
        ({"held_out": 1.0}, r"--held-out: wanted a share in \(0, 1\), got 1.0"),
        ({"half_context": -0.5}, r"--half-context: wanted a share in \[0, 1\), got -0.5"),
        ({"half_context": 0.5, "n_ctx": 1}, "--half-context: wanted 0 with a context of one token"),
        ({"weight_decay": float("nan")}, "--weight-decay: wanted at least 0, got nan"),
        ({"adam_learning_rate": 0.0}, "--adam-learning-rate: wanted a number above 0"),
        ({"evaluations": 0}, "--evaluations: wanted at least 1, got 0"),
        ({"evaluations": 2, "evaluate_every": 2}, "--evaluations: wanted it alone, got --evaluate-every beside it"),
        ({"n_vocab": 300, "tokenizer": "published"}, "--n-vocab: wanted the ids of the tokenizer"),
    ],
)
def test_what_cannot_be_is_refused_before_a_folder_is_made(given, said, text_file, tmp_path):
    with pytest.raises((ValueError, TypeError), match=said):
        gpt2.run(TrainSettings(text=str(text_file), out=tmp_path / "run", recipe="tiny", device="cpu", **given))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("given", [{"n_layer": 1}, {"dropout": 0.1}, {"zero_output": True}, {"n_vocab": 300}])
def test_what_a_source_brings_is_not_asked_for(given, begun, text_file, tmp_path):
    [name] = given
    with pytest.raises(ValueError, match=f"--{name.replace('_', '-')}: wanted that of the model with --from"):
        gpt2.run(TrainSettings(text=str(text_file), source=str(begun), out=tmp_path / "run", **given))
    assert not (tmp_path / "run").exists()


def test_one_rate_scales_the_other_unless_that_is_given(text_file, tmp_path):
    assert gpt2.resolved(TrainSettings(learning_rate=3e-3), 10**6).adam_learning_rate == pytest.approx(2.5e-3)
    both = gpt2.resolved(TrainSettings(learning_rate=3e-3, adam_learning_rate=1e-3), 10**6)
    assert (both.learning_rate, both.adam_learning_rate) == (3e-3, 1e-3)
    assert changed(gpt2.recipe("tiny"), {}) == gpt2.recipe("tiny")


def test_help_shows_the_recipe_s_own_value(tmp_path):
    assert recipe_default("tokenizer", ["train", "--help"]) == "own"
    assert recipe_default("tokenizer", ["train", "--recipe", "gpt2", "--help"]) == "gpt2's published"
    assert recipe_default("tokenizer", ["train", "--from", "gpt2", "--help"]) == "the source's"
    assert recipe_default("precision", ["train", "--recipe", "tiny", "--help"]) == "tiny's float32"
    assert recipe_default("n_layer", ["train", "--help"]) == "2"
    assert recipe_default("n_vocab", ["train", "--help"]) == "1024 for 1 MB of text"
    assert recipe_default("n_embd", ["train", "--recipe", "tiny"]) == "tiny's 32"
    assert recipe_default("n_embd", ["train", "--recipe=gpt2-xl"]) == "gpt2-xl's 1600"
    assert recipe_default("n_embd", ["train", "--from", "x"]) == "the source's"
    assert recipe_default("steps", ["train", "--from", "x"]) == "finetune's 200"
    assert recipe_default("steps", ["train", "--recipe", str(tmp_path / "none.toml")]) == "the recipe's"


def test_more_parameters_than_memory_are_refused_on_a_cpu_only():
    there = all_memory()
    assert there is not None
    assert there > 10**8
    huge = GPT2Config(n_layer=there)
    with pytest.raises(ValueError, match="shape: wanted at most"):
        check_memory(huge, torch.device("cpu"))
    check_memory(huge, torch.device("meta"))
    check_memory(GPT2Config(n_layer=1), torch.device("cpu"))


SWITCHED = {
    "muon_fitted": True,
    "half_context": 0.5,
    "batch_ramp": 0.4,
    "lookahead": 0.5,
    "keep_positions": True,
    "shift_windows": True,
    "decay_schedule": "linear",
    "cautious_decay": True,
    "muon_even": True,
    "muon_split": True,
    "momentum_ramp": True,
    "bigram_start": True,
    "sinusoid_start": True,
    "schedule": "stable",
    "steps": 6,
}


def test_with_every_switch_on_a_resumed_run_has_the_same_bits(text_file, tmp_path):
    def settings(name: str) -> TrainSettings:
        out = tmp_path / name
        return TrainSettings(text=str(text_file), out=out, recipe="tiny", device="cpu", save_every=2, **SWITCHED)

    whole = [step.loss for step in gpt2.run(settings("whole"))]
    broken = []
    for step in gpt2.run(settings("broken")):
        broken.append(step.loss)
        if step.number == 3:
            break  # after the checkpoint of step 2, so that step 3 is done again
    resumed = gpt2.run(TrainSettings(resume=tmp_path / "broken"))
    assert resumed.start == 2
    assert broken[:2] + [step.loss for step in resumed] == whole
    ours, theirs = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("broken", "whole"))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert whole[0] < 0.9 * math.log(512)  # it begins as the bigrams


def test_pieces_of_a_model_have_no_bigram_start(text_file, tmp_path):
    for name in ("muon_even", "bigram_start", "sinusoid_start"):
        settings = TrainSettings(text=str(text_file), out=tmp_path / name, recipe="tiny", shard=True, **{name: True})
        with pytest.raises(ValueError, match=f"--{name.replace('_', '-')}: wanted False with --shard"):
            gpt2.run(settings)


def test_runs_from_before_the_gram_form_was_the_default_go_on_without_it(begun, tmp_path):
    shutil.copytree(begun, tmp_path / "run")
    written = json.loads((tmp_path / "run" / "run.json").read_text())
    for part in (written["recipe"], written["settings"]):
        del part["muon_gram"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(written))
    assert gpt2.run(TrainSettings(resume=tmp_path / "run")).record.recipe.muon_gram is False
