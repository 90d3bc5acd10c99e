"""Recipes as files: what is printed is read back, trains the same, and what is wrong is named with line and field."""

import json
import tomllib
from dataclasses import asdict, fields
from pathlib import Path

import pytest

import gpt2
from gpt2 import RECIPES, GPT2Config, Recipe, TrainSettings
from gpt2.training.recipe_file import as_toml, chosen_recipe, parse_recipe

TINY = as_toml(gpt2.recipe("tiny"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_what_is_printed_is_read_back(recipe):
    text = as_toml(recipe)
    assert parse_recipe(text, Path("some.toml")) == recipe
    data = tomllib.loads(text)
    assert data.keys() == {field.name for field in fields(Recipe)}
    assert data["config"].keys() | {"end_ids"} == {field.name for field in fields(GPT2Config)}
    assert "# Optimizer steps in all.\nsteps = " in text
    assert "# Blocks.\nn_layer = " in text
    assert max(map(len, text.splitlines())) <= 120


def test_ids_that_end_a_text_and_odd_names_are_kept():
    recipe = gpt2.recipe("tiny").replace(name='a "b"\\ 漢', config=GPT2Config(end_ids=(3, 5)))
    again = parse_recipe(as_toml(recipe), Path("some.toml"))
    assert (again, again.config.end_ids) == (recipe, (3, 5))


def test_a_file_trains_as_the_name_does_and_its_run_resumes_without_it(text_file, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(TINY.replace('name = "tiny"', 'name = "mine"'), encoding="utf-8")
    losses = {}
    for which in ("tiny", file):
        settings = TrainSettings(text=str(text_file), out=tmp_path / str(len(losses)), recipe=which, device="cpu")
        losses[which] = next(iter(gpt2.run(settings))).loss
    assert losses["tiny"] == losses[file]
    written = json.loads((tmp_path / "1" / "run.json").read_text())
    assert written["settings"]["recipe"] == str(file)
    assert written["recipe"] == json.loads(json.dumps(asdict(gpt2.recipe("tiny").replace(name="mine"))))
    assert chosen_recipe(tmp_path / "1" / "run.json") == chosen_recipe(tmp_path / "1") == chosen_recipe(file)
    gpt2.run(TrainSettings(resume=tmp_path / "1", recipe=file))
    with pytest.raises(ValueError, match=r"--recipe: wanted .*mine.toml, as the run .* got tiny"):
        gpt2.run(TrainSettings(resume=tmp_path / "1", recipe="tiny"))
    file.unlink()
    resumed = gpt2.run(TrainSettings(resume=tmp_path / "1"))
    assert resumed.recipe == gpt2.recipe("tiny").replace(name="mine")
    assert next(iter(resumed)).number > 0


def line_of(begin: str) -> int:
    return next(n for n, line in enumerate(TINY.splitlines(), start=1) if line.startswith(begin))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps = 40", "stesp = 40", "stesp: wanted a field of a recipe, got an unknown one; did you mean steps?"),
        ("steps = 40", 'steps = "40"', "steps: wanted a whole number, got '40'"),
        ("steps = 40", "steps = 40.0", "steps: wanted a whole number, got 40.0"),
        ("steps = 40", "steps = 0", "steps: wanted at least 1, got 0"),
        ("warmup = 4", "warmup = -4", "warmup: wanted at least 0, got -4"),
        ("weight_decay = 0.1", "weight_decay = nan", "weight_decay: wanted at least 0, got nan"),
        ("learning_rate = 0.01", "learning_rate = inf", "learning_rate: wanted a number above 0, got inf"),
        ("held_out = 0.01", "held_out = 0", "held_out: wanted a share in (0, 1), got 0.0"),
        ("half_context = 0.0", "half_context = 1.5", "half_context: wanted a share in [0, 1), got 1.5"),
        ('schedule = "linear"', 'schedule = "wave"', "schedule: wanted 'linear' or 'cosine' or 'stable', got 'wave'"),
        ("zero_output = true", "zero_output = 1", "zero_output: wanted True or False, got 1"),
        ("n_layer = 2", "n_leyer = 2", "config.n_leyer: wanted a field of a recipe, got an unknown one; did you mean"),
        ("n_ctx = 32", "n_ctx = 1.5", "config.n_ctx: wanted a whole number, got 1.5"),
        ("n_embd = 32", "n_embd = 33", "config.n_embd: wanted a multiple of n_head"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_field(old, new, said):
    assert f"\n{old}\n" in TINY
    with pytest.raises(ValueError) as error:  # noqa: PT011
        parse_recipe(TINY.replace(f"\n{old}\n", f"\n{new}\n"), Path("some.toml"))
    assert str(error.value).startswith(f"some.toml, line {line_of(old)}: {said}")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("some.toml", "steps = 4\nsteps\nname = 3", "some.toml: wanted TOML, got something else: .*line 2"),
        ("some.toml", "steps = 4", r"some.toml: config: wanted the shape as a table, got none; add \[config\]"),
        ("some.toml", "config = 3", r"some.toml, line 1: config: wanted the shape as a table, got 3"),
        ("some.toml", "batch_size = 3\n[config]\nn_embd = 12", "some.toml: steps: wanted a value, got none; add it"),
        ("run.json", "[]", "run.json: wanted a run's run.json"),
        ("run.json", '{"recipe": 3}', "run.json: wanted the run.json of a run of `train`, got one without a recipe"),
    ],
)
def test_what_is_no_recipe(name, text, said):
    with pytest.raises(ValueError, match=said):
        parse_recipe(text, Path(name))


def test_a_field_of_a_run_is_named_with_its_line(text_file, tmp_path):
    run = gpt2.run(TrainSettings(text=str(text_file), out=tmp_path / "run", recipe="tiny", steps=1, device="cpu"))
    file = run.folder / "run.json"
    text = file.read_text(encoding="utf-8").replace('"steps": 1,', '"steps": "1",', 1)
    number = next(n for n, line in enumerate(text.splitlines(), start=1) if '"steps"' in line)
    with pytest.raises(ValueError, match=rf"run.json, line {number}: steps: wanted a whole number, got '1'"):
        parse_recipe(text, file)


def test_the_commands_answer(command, text_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, errors = command("recipe", "tiny")
    assert (code, out) == (0, TINY)
    assert "train --recipe FILE.toml" in errors
    assert tomllib.loads(command("recipe", "quick", "--megabytes", "6")[1])["config"]["n_ctx"] == 128
    assert command("recipe", "quick", "--megabytes", "-1")[0] == 2
    code, _, errors = command("recipe", "tiyn")
    assert (code, "did you mean tiny?" in errors) == (2, True)
    Path("bad.toml").write_text(TINY.replace("n_head = 2", "n_head = 3"))
    code, _, errors = command("train", "--text", text_file, "--recipe", "bad.toml", "--out", "run")
    assert (code, errors.count("\n")) == (2, 1)
    assert "config.n_embd: wanted a multiple of n_head" in errors
    code, _, errors = command("train", "--text", text_file, "--recipe", "none.toml", "--out", "run")
    assert (code, "none.toml" in errors) == (2, True)
    assert not Path("run").exists()
    Path("tiny.toml").write_text(out)
    words = ["--steps", "1", "--device", "cpu"]
    assert command("train", "--text", text_file, "--recipe", "tiny.toml", "--out", "run", *words)[0] == 0
    assert tomllib.loads(command("recipe", "run/run.json")[1])["steps"] == 1
