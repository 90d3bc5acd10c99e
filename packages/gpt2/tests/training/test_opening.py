"""`train --from`: a run begins exactly at its source, improves on the new text, and resumes without the source."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gpt2
from gpt2.training.curriculum import model_loss
from trainkit import evaluate

FINETUNE = {"steps": 12, "batch_size": 4, "learning_rate": 3e-3, "evaluate_every": 6, "save_every": 3}


@pytest.fixture(scope="module")
def source(text_file, tmp_path_factory) -> Path:
    """A small model of ours, trained for a moment."""
    out = tmp_path_factory.mktemp("source") / "run"
    list(gpt2.run(gpt2.TrainSettings(text=str(text_file), out=out, recipe="tiny", steps=20)))
    return out


@pytest.fixture(scope="module")
def new_text(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("new") / "new.txt"
    path.write_text("".join(f"{n} bottles of beer on the wall, {n} bottles of beer.\n" for n in range(900)))
    return str(path)


def settings(source, new_text, out, **changes) -> gpt2.TrainSettings:
    return gpt2.TrainSettings(text=new_text, source=str(source), out=out, **{**FINETUNE, **changes})


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def unbroken(source, new_text, tmp_path_factory) -> gpt2.Run:
    run = gpt2.run(settings(source, new_text, tmp_path_factory.mktemp("unbroken") / "run"))
    run.before = run.validation
    run.losses = [step.loss for step in run]
    return run


def test_step_zero_has_the_loss_of_the_source_and_then_it_falls(source, unbroken):
    model, tokenizer = gpt2.load(source)
    n_ctx = model.n_ctx
    of_source = evaluate(model, unbroken.text.evaluation_batches(n_ctx, 4096 // n_ctx), model_loss)
    assert unbroken.before.loss == of_source.loss
    assert unbroken.tokenizer.fingerprint == tokenizer.fingerprint
    assert unbroken.config == model.config
    assert unbroken.losses[-1] < unbroken.losses[0] - 0.3
    assert unbroken.validation.loss < unbroken.before.loss - 0.3
    first = json.loads((unbroken.folder / "metrics.jsonl").read_text().splitlines()[0])
    assert (first["step"], first["validation_loss"]) == (0, of_source.loss)


@pytest.mark.parametrize("stop_after", [0, 1, 5])
def test_stopped_and_resumed_without_the_source_gives_the_same_bits(stop_after, source, new_text, unbroken, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(source, copy)
    out, taken = tmp_path / "run", []
    run = gpt2.run(settings(copy, new_text, out), lambda: len(taken) + 1 >= stop_after)
    if stop_after:  # 0: killed before the first step
        taken.extend(run)
    del run  # and its hold on the folder with it, as when its process ends
    shutil.rmtree(copy)
    resumed = gpt2.run(gpt2.TrainSettings(resume=out))
    assert resumed.start == len(taken) == min(stop_after, len(taken))
    list(resumed)
    assert weights(out) == weights(unbroken.folder)
    steps = [json.loads(line)["step"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert steps.count(0) == 1


def test_killed_and_resumed_gives_the_same_bits(source, new_text, unbroken, tmp_path):
    out = tmp_path / "run"
    options = [f"--{name.replace('_', '-')}={value}" for name, value in FINETUNE.items()]
    code = "import os, signal, sys; import gpt2.training.run as t; plain = t.Run._save\n"
    code += "def save(run, number):\n    plain(run, number)\n    number == 6 and os.kill(os.getpid(), signal.SIGKILL)\n"
    code += "t.Run._save = save; import gpt2.commands.main; gpt2.commands.main.train()"
    command = [sys.executable, "-c", code, "--from", source, "--text", new_text, "--out", out, *options]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # as this process: sums over threads round otherwise
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, env=one_thread)
    assert done.returncode == -9, done.stderr
    list(gpt2.run(gpt2.TrainSettings(resume=out)))
    assert weights(out) == weights(unbroken.folder)


def test_the_model_card_says_what_the_model_learned_from(source, unbroken):
    card = (unbroken.folder / "model" / "README.md").read_text(encoding="utf-8")
    for fact in (str(source), "new.txt", "finetune: adamw", "12 of 128 tokens", "| 0 |", "| 12 |", "torch "):
        assert fact in card
    assert f"{unbroken.validation.loss:.4f}" in card


def test_a_folder_with_a_card_opens_in_transformers(unbroken, transformers):
    transformers.AutoModelForCausalLM.from_pretrained(unbroken.folder / "model")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokenizer": "own"}, "wanted that of the model with --from"),
        ({"source": None, "recipe": "finetune"}, "name it with --from SOURCE"),
        ({"source": "./nothing"}, "no such folder"),
    ],
)
def test_wrong_wishes_are_refused(changes, words, source, new_text, tmp_path):
    wishes = {"text": new_text, "out": tmp_path / "run", "source": str(source)} | changes
    with pytest.raises(ValueError, match=words):
        gpt2.run(gpt2.TrainSettings(**wishes))
    assert not (tmp_path / "run").exists()


def test_another_source_on_resume_is_refused(source, new_text, unbroken):
    with pytest.raises(ValueError, match=r"--from: wanted .*leave --from out"):
        gpt2.run(gpt2.TrainSettings(resume=unbroken.folder, source="elsewhere"))
