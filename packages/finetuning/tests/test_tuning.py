"""A run of tuning: exact when it is resumed, strict about what it goes on with, and it does learn."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import gpt2
from finetuning import Adapter, TuneSettings, judge, load_adapter, tune, with_adapter
from finetuning.running import forgetting
from finetuning.running.trained import optimizer_of


def write_tasks(path, count, answer):
    path.write_text(
        "".join(json.dumps({"prompt": f"Turn {n} dog:", "completion": answer}) + "\n" for n in range(count)), "utf-8"
    )
    return path


METHODS = [
    {"method": "lora", "rank": 2, "dropout": 0.2, "up_rate": 4.0},
    {"method": "dora", "rank": 2, "targets": ("attention.qkv",)},
    {"method": "full"},
    {"method": "last:1"},
]


@pytest.fixture(autouse=True)
def old_text(monkeypatch):
    monkeypatch.setattr(forgetting, "old_documents", lambda: ("The lazy dog is quick.", "A fox, of course."))


def settings(folder, data, out, **changes):
    given = {"steps": 6, "batch_size": 4, "save_every": 2, "evaluate_every": 3, "device": "cpu"}
    return TuneSettings(source=str(folder), data=data, out=out, **given | changes)


def tensors_of(run_folder: Path) -> dict[str, bytes]:
    kept = {}
    for path in sorted(run_folder.glob("*/*.safetensors")):
        kept |= {f"{path.parent.name}/{name}": tensor.numpy().tobytes() for name, tensor in load_file(path).items()}
    return kept


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method["method"])
def test_a_run_that_stops_anywhere_ends_with_the_same_bits(folder, data, tmp_path, method):
    for _ in tune(settings(folder, data, tmp_path / "whole", **method)):
        pass
    expected = tensors_of(tmp_path / "whole")
    assert expected
    for stop in (1, 2, 5):
        out = tmp_path / f"stopped-{stop}"
        seen = []
        for step in tune(settings(folder, data, out, **method), lambda seen=seen, stop=stop: len(seen) + 1 >= stop):
            seen.append(step.number)
        assert seen == list(range(1, stop + 1))
        torch.manual_seed(stop)
        rest = [step.number for step in tune(TuneSettings(resume=out, device="cpu"))]
        assert rest == list(range(stop + 1, 7))
        assert tensors_of(out) == expected


def test_what_is_frozen_keeps_its_bits(folder, data, tmp_path):
    base = load_file(folder / "model.safetensors")
    for _ in tune(settings(folder, data, tmp_path / "r", method="last:1")):
        pass
    after = load_file(tmp_path / "r" / "model" / "model.safetensors")
    changed = {name for name in base if not torch.equal(base[name], after[name])}
    assert changed
    assert all(name.startswith(("transformer.h.1.", "transformer.ln_f")) for name in changed)


def test_checkpoints_hold_the_adapter_and_not_the_model(folder, data, tmp_path):
    for _ in tune(settings(folder, data, tmp_path / "r", method="lora", rank=2)):
        pass
    [newest] = (tmp_path / "r" / "checkpoints").glob("step-000006")
    held = load_file(newest / "trained.safetensors")
    assert all(name.endswith((".up", ".down")) for name in held)
    model, tokenizer = gpt2.load(folder)
    adapted, _ = load_adapter(tmp_path / "r" / "adapter", model)
    state = adapted.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in held.items())
    assert gpt2.Tokenizer.load(tmp_path / "r" / "adapter").fingerprint == tokenizer.fingerprint


def test_it_learns_the_answers(folder, tmp_path):
    """The same answer to sixty prompts, six of which are held out: it is written to them word for word."""
    tasks = write_tasks(tmp_path / "tasks.jsonl", 60, answer=" a quick fox")
    run = tune(settings(folder, tasks, tmp_path / "r", steps=40, learning_rate=2e-2))
    before = judge(run.model, run.curriculum.judged)
    for _ in run:
        pass
    after = judge(run.model, run.curriculum.judged)
    assert before.share_exact.value == 0
    assert after.share_exact.value == 1
    assert after.loss.high < before.loss.low


def test_a_run_goes_on_only_with_its_own_model_and_examples(folder, data, tmp_path):
    run = tune(settings(folder, data, tmp_path / "r"), lambda: True)
    assert [step.number for step in run] == [1]
    text = data.read_text("utf-8")
    data.write_text(text.replace("fox", "cat"), "utf-8")
    with pytest.raises(ValueError, match=r"wanted .*tasks.jsonl as when the run began \(learned"):
        tune(TuneSettings(resume=tmp_path / "r"))
    data.write_text(text, "utf-8")
    model, tokenizer = gpt2.load(folder)
    with torch.no_grad():
        model.final_norm.bias.add_(1e-3)
    shutil.rmtree(folder)
    gpt2.save(folder, model, tokenizer)
    with pytest.raises(ValueError, match=r"wanted the model .* as when the run began \(sha256"):
        tune(TuneSettings(resume=tmp_path / "r"))


def test_a_folder_has_one_run_and_one_process(folder, data, tmp_path):
    run = tune(settings(folder, data, tmp_path / "r"))
    with pytest.raises(ValueError, match="got one that holds a run; resume it with --resume"):
        tune(settings(folder, data, tmp_path / "r"))
    iterator = iter(run)
    next(iterator)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(ValueError, match="wanted a new or empty folder"):
        tune(settings(folder, data, tmp_path / "full"))
    iterator.close()


def test_nothing_is_left_behind_where_something_is_wrong(folder, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text(json.dumps({"prompt": "x"}) + "\n", "utf-8")
    with pytest.raises(ValueError, match="line 1 of"):
        tune(settings(folder, bad, tmp_path / "new"))
    assert not (tmp_path / "new").exists() or not any((tmp_path / "new").glob("[!.]*"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": None}, "MODEL: wanted a model"),
        ({"data": None}, "--data: wanted a file"),
        ({"method": "prefix"}, "--method: wanted lora, dora, full or last:N"),
        ({"method": "last:"}, "--method: wanted lora"),
        ({"method": "last:0"}, "--method: wanted lora"),
        ({"method": "last:9"}, "wanted at most the model's 2 blocks"),
        ({"method": "full", "rank": 4}, "--rank: wanted --method lora or dora beside it"),
        ({"rank": 0}, "--rank: wanted a whole number of at least 1"),
        ({"rank": 99}, r"rank: wanted 1\.\.24"),
        ({"batch_size": 0}, "--batch-size: wanted"),
        ({"epochs": float("nan")}, "--epochs: wanted a number above 0"),
        ({"learning_rate": -1.0}, "--learning-rate: wanted a number above 0"),
        ({"learning_rate": float("inf")}, "--learning-rate: wanted a number above 0"),
        ({"up_rate": 0.0}, "--up-rate: wanted a number above 0"),
        ({"dropout": 1.5}, "--dropout: wanted from 0"),
        ({"seed": -1}, "--seed: wanted"),
        ({"source": "no/such/folder"}, "no/such/folder"),
        ({"data": Path("none.jsonl")}, "none.jsonl"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(folder, data, tmp_path, change, message):
    given = {"source": str(folder), "data": data, "out": tmp_path / "r", "device": "cpu"} | change
    with pytest.raises((ValueError, OSError), match=message):
        tune(TuneSettings(**given))


def test_a_resumed_run_has_its_own_settings(tmp_path):
    for given, named in (({"rank": 4}, "--rank"), ({"source": "x"}, "MODEL"), ({"data": Path("d")}, "--data")):
        with pytest.raises(ValueError, match=f"{named}: wanted none with --resume"):
            tune(TuneSettings(resume=tmp_path, **given))
    with pytest.raises(ValueError, match=r"wanted a run folder, got a folder without run\.json"):
        tune(TuneSettings(resume=tmp_path))
    (tmp_path / "run.json").write_text('{"format": 1}', "utf-8")
    with pytest.raises(ValueError, match="got one of another command"):
        tune(TuneSettings(resume=tmp_path))


def test_a_resume_under_other_conditions_warns_in_a_line(folder, data, tmp_path, caplog):
    """A run says on what its last bits depend, and says nothing where all of it is as it was."""
    assert len(list(tune(settings(folder, data, tmp_path / "r"), lambda: True))) == 1
    path = tmp_path / "r" / "run.json"
    content = json.loads(path.read_text("utf-8"))
    assert content["bits"]["threads"] == torch.get_num_threads()
    assert {"processor", "torch", "python", "precision", "device"} <= content["bits"].keys()
    assert len(list(tune(TuneSettings(resume=tmp_path / "r", device="cpu"), lambda: True))) == 1
    assert not caplog.records
    content["bits"]["threads"] += 3
    path.write_text(json.dumps(content), "utf-8")
    assert len(list(tune(TuneSettings(resume=tmp_path / "r", device="cpu"), lambda: True))) == 1
    [record] = caplog.records
    assert f"set OMP_NUM_THREADS={torch.get_num_threads() + 3} for the same ones" in record.getMessage()


def test_the_second_matrices_learn_at_their_own_rate(model):
    """LoRA+: `up` at so many times the rate of `down`, and nothing else learns."""
    adapted = with_adapter(model, Adapter(rank=2))
    optimizer = optimizer_of(adapted, TuneSettings(learning_rate=1e-3, up_rate=16.0))
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    named = {name: p for name, p in adapted.named_parameters() if p.requires_grad}
    assert rates.keys() == {id(p) for p in named.values()}
    assert all(rates[id(p)] == pytest.approx(16e-3 if name.endswith(".up") else 1e-3) for name, p in named.items())
