"""`gpt2 fit`: sizes, recipes and folders as tables, and every wrong wish explained."""

import pytest

import gpt2
from gpt2.machine.free_memory import free_memory
from gpt2.planning.fit import describe, shape_of


def test_a_folder_a_size_and_a_recipe_are_planned(model, tokenizer, tmp_path):
    gpt2.save(tmp_path, model, tokenizer)
    assert shape_of(str(tmp_path)) == model.config
    assert shape_of("gpt2-xl") == gpt2.PUBLISHED["gpt2-xl"]
    assert shape_of("quick") == gpt2.recipe("quick", 10**6).config
    text = describe(str(tmp_path), device="cpu")
    assert "largest micro-batch" in text
    assert "does not fit" in describe("gpt2-xl", memory=8.0)
    assert free_memory() > 10**8


@pytest.mark.parametrize("source", ["gpt2", "tiny"])
def test_the_parts_with_one_window_sum_to_the_whole(source):
    lines = describe(source, memory=8.0).split("\n\n")[1].splitlines()[1:]
    *parts, whole = (float(line.split()[-2]) for line in lines[:6])
    assert len({line.split()[-1] for line in lines[:6]}) == 1, "one unit"
    assert sum(parts) == pytest.approx(whole, abs=0.025)


def test_a_recipe_is_planned_as_it_trains():
    text = describe("small", memory=8.0)
    assert "training with muon" in text
    assert "all 24 windows of the recipe's batch fit at once" in text
    assert "training with adamw" in describe("small", memory=8.0, optimizer="adamw")


def test_the_advice_says_what_bounds_it():
    assert "does not fit; try a smaller model" in describe("gpt2-xl", memory=8.0, context=64)
    assert "does not fit; try a smaller --context" in describe("gpt2", memory=2.6)
    assert "1 window, 2.60 GB: one more would not fit in 2.88 GB, 90% of what is free" in describe("gpt2", memory=3.2)


def test_hours_follow_from_operations_and_are_shared_among_devices():
    """6 operations for each weight and token (arXiv 2001.08361), and 12 L T C for attention."""
    one = describe("gpt2", memory=80.0, tokens=10e9, speed=400.0)
    operations = 6 * (50257 * 768 + 12 * 12 * 768**2) + 12 * 12 * 1024 * 768
    assert f"10,000,000,000 tokens: {operations * 10e9 / 400e12 / 3600:.1f} hours at 400 TFLOP/s" in one
    eight = describe("gpt2-xl", memory=80.0, tokens=10e9, speed=400.0, devices=8)
    assert "training with adamw in float32, one of 8 devices" in eight
    assert f"optimizer{'1.56 GB':>37}" in eight
    assert "% of what one product reaches here)" in describe("tiny", memory=1.0, tokens=1e6, device="cpu")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokens": -1.0}, "--tokens: wanted a number above 0, got -1; such as 10e9"),
        ({"tokens": 1e9, "speed": 0.0}, "--speed: wanted TFLOP/s above 0"),
        ({"speed": 100.0}, "--speed: wanted --tokens beside it, got 100 alone"),
        ({"devices": 0}, "--devices: wanted at least 1"),
        ({"source": "./nothing"}, "no such folder"),
        (
            {"source": "gpt3"},
            r"gpt3: wanted a size \(.*gpt2-xl\), a model's folder or .* got none of these; choose a size",
        ),
        ({"memory": -1.0}, "--memory: wanted gigabytes above 0"),
        ({"context": 2000}, r"--context: wanted 1\.\.1024"),
        ({"optimizer": "sgd"}, "--optimizer: wanted adamw or muon"),
        ({"precision": "fp16"}, "--precision: wanted one of float32, medium, bfloat16, auto, got 'fp16'"),
        ({"device": "gpu"}, "--device: wanted cpu, cuda, cuda:N, mps or auto, got 'gpu'"),
    ],
)
def test_wrong_wishes_are_refused(changes, words, monkeypatch):
    def offline(name, revision=None):
        raise OSError(f"{name}: the hub cannot be reached")

    monkeypatch.setattr("gpt2.files.loading.download", offline)
    with pytest.raises(ValueError, match=words):
        describe(**({"source": "gpt2"} | changes))
