"""A run through its public door: it learns, counts honestly, and goes on after a stop to the same bits."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

import gpt2
from dataio import read_text, split_corpus
from gpt2 import TrainSettings
from gpt2.tokenizer.documents import encode_documents

SHORT = {"recipe": "tiny", "steps": 12, "batch_size": 4, "evaluate_every": 5, "log_every": 3}


@pytest.fixture
def settings(text_file, tmp_path) -> TrainSettings:
    return TrainSettings(text=str(text_file), out=tmp_path / "run", **SHORT)


def finished(settings: TrainSettings) -> gpt2.Run:
    run = gpt2.run(settings)
    for _ in run:
        pass
    return run


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def test_it_learns_from_real_text(settings):
    run = gpt2.run(dataclasses.replace(settings, steps=60, evaluate_every=None, batch_size=8))
    untrained = run.evaluate().loss
    losses = [step.loss for step in run]
    assert abs(untrained - math.log(run.config.n_vocab)) < 0.1
    assert losses[0] > losses[-1] + 1.0
    assert run.validation.loss < untrained - 1.0


def test_every_step_comes_once_and_the_folder_tells_all(settings):
    run = gpt2.run(settings)
    assert [step.number for step in run] == list(range(1, 13))
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [3, 6, 9, 12]
    assert [line["step"] for line in lines if "bits_per_byte" in line] == [5, 10, 12]
    assert sorted(path.name for path in (run.folder / "checkpoints").glob("step-*")) == ["step-000010", "step-000012"]
    record = json.loads((run.folder / "run.json").read_text())
    assert record["recipe"]["steps"] == 12
    assert record["data"]["fingerprint"] == read_text(settings.text).fingerprint
    assert list(run.folder.glob("events.out.tfevents.*"))


def test_bits_per_byte_counts_every_held_out_byte_once(settings):
    """By `transformers`, from the saved folder, token by token, without our loader, loss or arithmetic."""
    run = finished(settings)
    _, held_out = split_corpus(read_text(settings.text), run.recipe.held_out)
    model = transformers.AutoModelForCausalLM.from_pretrained(run.folder / "model").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(run.folder / "model", model_max_length=10**9)
    end = tokenizer.eos_token_id
    ids = [end]
    for document in held_out.documents:
        ids += [*tokenizer(document.text)["input_ids"], end]
    nats, width = 0.0, run.config.n_ctx
    with torch.inference_mode():
        for start in range(0, len(ids) - 1, width):
            window = torch.tensor(ids[start : start + width + 1])
            logits = model(window[None, :-1]).logits[0]
            nats += float(torch.nn.functional.cross_entropy(logits, window[1:], reduction="sum"))
    n_bytes = sum(len(document.text.encode()) for document in held_out.documents)
    assert run.validation.count == len(ids) - 1
    assert run.bits_per_byte == pytest.approx(nats / math.log(2) / n_bytes, rel=1e-5)


def test_documents_are_framed_by_end_of_text(tokenizer):
    ids = encode_documents(tokenizer, ["ab", "c d"])
    end = tokenizer.end_of_text
    assert ids.dtype == np.uint16
    assert ids.tolist() == [end, *tokenizer.encode("ab"), end, *tokenizer.encode("c d"), end]


def after(steps: int):
    """Asked once a step, says stop the `steps`-th time."""
    answers = iter([False] * (steps - 1) + [True])
    return lambda: next(answers)


@pytest.mark.parametrize("steps", [1, 7, 11])
def test_stopped_and_resumed_equals_unbroken(settings, tmp_path, steps):
    unbroken = finished(settings)
    out = tmp_path / "stopped"
    stopped = gpt2.run(dataclasses.replace(settings, out=out), after(steps))
    assert len(list(stopped)) == steps
    assert not stopped.finished
    torch.manual_seed(99)  # the state of another process
    resumed = finished(TrainSettings(resume=out))
    assert resumed.start == steps
    assert weights(out) == weights(unbroken.folder)
    assert resumed.validation == unbroken.validation
    numbers = [
        [{k: v for k, v in json.loads(line).items() if k not in ("seconds", "tokens_per_second")} for line in lines]
        for lines in ((f / "metrics.jsonl").read_text().splitlines() for f in (out, unbroken.folder))
    ]
    assert numbers[0] == numbers[1]


def test_a_run_without_checkpoint_starts_again(settings):
    gpt2.run(settings)  # prepared, never iterated over
    assert weights(finished(TrainSettings(resume=settings.out)).folder) == weights(settings.out)


def test_a_torn_checkpoint_is_passed_over_for_the_one_before(settings, caplog):
    finished(settings)
    expected = weights(settings.out)
    (settings.out / "model").rename(settings.out / "elsewhere")
    torn = settings.out / "checkpoints" / "step-000012" / "optimizer.safetensors"
    torn.write_bytes(torn.read_bytes()[:-1])
    resumed = finished(TrainSettings(resume=settings.out))
    assert resumed.start == 10
    assert "step-000012" in caplog.text
    assert weights(settings.out) == expected


def test_watching_changes_nothing(settings, tmp_path):
    often = dataclasses.replace(settings, out=tmp_path / "often", evaluate_every=1, save_every=1, log_every=1)
    run = gpt2.run(often)
    for _ in run:
        run.evaluate()
        torch.rand(3)
    seldom = dataclasses.replace(settings, out=tmp_path / "seldom", evaluate_every=12)
    assert weights(finished(seldom).folder) == weights(run.folder)


def test_micro_batches_learn_the_same_up_to_rounding(settings, tmp_path):
    whole = finished(settings)
    cut = finished(dataclasses.replace(settings, out=tmp_path / "cut", micro_batch_size=3))
    assert cut.validation.loss == pytest.approx(whole.validation.loss, abs=2e-4)


def test_the_seed_decides(settings, tmp_path):
    a = finished(dataclasses.replace(settings, out=tmp_path / "a", seed=1))
    b = finished(dataclasses.replace(settings, out=tmp_path / "b", seed=1))
    c = finished(dataclasses.replace(settings, out=tmp_path / "c", seed=2))
    assert weights(a.folder) == weights(b.folder) != weights(c.folder)


def test_a_local_vocabulary_is_used(settings, tokenizer, tmp_path):
    tokenizer.save(tmp_path / "vocabulary", n_ctx=64)
    run = gpt2.run(dataclasses.replace(settings, tokenizer=str(tmp_path / "vocabulary")))
    assert run.tokenizer.fingerprint == tokenizer.fingerprint
    assert run.config.n_vocab == tokenizer.n_vocab


def test_the_published_recipes_are_the_published_shapes():
    for name in ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"):
        assert gpt2.recipe(name).config == gpt2.PUBLISHED[name]
        assert gpt2.recipe(name).tokenizer == "published"


def test_nothing_is_written_before_the_input_is_checked(settings):
    with pytest.raises(ValueError, match="batch"):
        gpt2.run(dataclasses.replace(settings, batch_size=10**6))
    assert not settings.out.exists()
