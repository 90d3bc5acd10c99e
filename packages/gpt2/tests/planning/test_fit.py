"""`gpt2 fit`: what is planned is what is measured, by the operating system, in processes of their own."""

import json
import subprocess
import sys

import pytest
import torch

import gpt2
from gpt2.commands.settings import FitSettings
from gpt2.planning.fit import describe, free_memory, shape_of
from gpt2.planning.memory import inference_memory, training_memory

WIDE = {"n_vocab": 20_000, "n_ctx": 64, "n_embd": 512, "n_head": 8, "n_layer": 6}
LONG = {"n_vocab": 4096, "n_ctx": 256, "n_embd": 256, "n_head": 4, "n_layer": 4}
MEASURE = """
import json, resource, sys
import torch
import gpt2
from gpt2.training.curriculum import optimizer_of
from gpt2.training.run import model_loss
from trainkit import train_steps

torch.set_num_threads(1)
what, shape, micro = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
recipe = gpt2.recipe("finetune").replace(optimizer=sys.argv[4])
short = torch.bfloat16 if sys.argv[5] == "bfloat16" else None

def use(config, micro, steps):
    model = gpt2.GPT2(config)
    tokens = torch.zeros(micro, config.n_ctx, dtype=torch.long)
    if what == "training":
        optimizer, batches = optimizer_of(model, recipe), [[(tokens, tokens)]] * steps
        for step in train_steps(model, batches, model_loss, optimizer, precision=short):
            pass
    else:
        with torch.inference_mode():
            model.eval()(tokens, model.new_cache(micro), last_only=True)

use(gpt2.GPT2Config(n_vocab=64, n_ctx=8, n_embd=16, n_head=2, n_layer=1), 1, 1)  # what every process needs once
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
use(gpt2.GPT2Config(**shape), micro, 2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)
"""


def measured(what: str, shape: dict, micro: int, optimizer: str, precision: str) -> int:
    command = [sys.executable, "-c", MEASURE, what, json.dumps(shape), str(micro), optimizer, precision]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("what", "shape", "micro", "optimizer", "precision"),
    [
        ("training", WIDE, 2, "adamw", "float32"),
        ("training", WIDE, 16, "adamw", "float32"),
        ("training", LONG, 8, "adamw", "float32"),
        ("training", LONG, 8, "muon", "float32"),
        ("training", WIDE, 16, "adamw", "bfloat16"),
        ("inference", WIDE, 2, "adamw", "float32"),
        ("inference", LONG, 16, "adamw", "float32"),
    ],
)
def test_the_plan_is_within_15_percent_of_the_measured_peak(what, shape, micro, optimizer, precision):
    config = gpt2.GPT2Config(**shape)
    training = training_memory(config, optimizer=optimizer, precision=precision)
    plan = training if what == "training" else inference_memory(config)
    assert plan.peak(micro) == pytest.approx(measured(what, shape, micro, optimizer, precision), rel=0.15)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_kept_for_the_way_back_is_what_autograd_keeps(precision):
    config = gpt2.GPT2Config(n_vocab=50, n_ctx=1024, n_embd=32, n_head=2, n_layer=3)
    model, tokens, kept = gpt2.GPT2(config), torch.zeros(2, 1024, dtype=torch.long), {}
    parameters = {parameter.data_ptr() for parameter in model.parameters()}

    def keep(tensor):
        if tensor.data_ptr() not in parameters and tensor.is_floating_point():
            kept[tensor.data_ptr()] = tensor  # held, so that no address comes twice
        return tensor

    autocast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), autocast:
        model.loss(tokens, tokens)
    plan = training_memory(config, precision=precision)
    got = sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in kept.values()}.values())
    assert 2 * plan.window + plan.copies == pytest.approx(got - plan.head, rel=0.02)


def test_the_largest_micro_batch_is_the_last_that_fits():
    for free in (10**9, 3 * 10**9, 10**10, 10**8):
        plan = training_memory(gpt2.PUBLISHED["gpt2"])
        most = plan.largest(free)
        assert plan.peak(most) <= free or most == 0
        assert plan.peak(most + 1) > free
        rows = inference_memory(gpt2.PUBLISHED["gpt2"])
        assert rows.peak(rows.largest(free) + 1) > free


def test_a_folder_a_size_and_a_recipe_are_planned(model, tokenizer, tmp_path):
    gpt2.save(tmp_path, model, tokenizer)
    assert shape_of(str(tmp_path)) == model.config
    assert shape_of("gpt2-xl") == gpt2.PUBLISHED["gpt2-xl"]
    assert shape_of("quick") == gpt2.recipe("quick", 10**6).config
    text = describe(FitSettings(str(tmp_path), device="cpu"))
    assert "largest micro-batch" in text
    assert "does not fit" in describe(FitSettings("gpt2-xl", memory=8.0))
    assert free_memory() > 10**8


@pytest.mark.parametrize("source", ["gpt2", "tiny"])
def test_the_parts_with_one_window_sum_to_the_whole(source):
    lines = describe(FitSettings(source, memory=8.0)).split("\n\n")[1].splitlines()[1:]
    *parts, whole = (float(line.split()[-2]) for line in lines[:6])
    assert len({line.split()[-1] for line in lines[:6]}) == 1, "one unit"
    assert sum(parts) == pytest.approx(whole, abs=0.025)


def test_a_recipe_is_planned_as_it_trains():
    text = describe(FitSettings("small", memory=8.0))
    assert "training with muon" in text
    assert "all 24 windows of the recipe's batch fit at once" in text
    assert "training with adamw" in describe(FitSettings("small", memory=8.0, optimizer="adamw"))


def test_the_advice_says_what_bounds_it():
    assert "does not fit; try a smaller model" in describe(FitSettings("gpt2-xl", memory=8.0, context=64))
    assert "does not fit; try a smaller --context" in describe(FitSettings("gpt2", memory=2.6))
    assert "1 window, 2.67 GB: one more would not fit in 3.06 GB, 90% of what is free" in describe(
        FitSettings("gpt2", memory=3.4)
    )


def test_hours_follow_from_operations_and_are_shared_among_devices():
    """6 operations for each weight and token (arXiv 2001.08361), and 12 L T C for attention."""
    one = describe(FitSettings("gpt2", memory=80.0, tokens=10e9, speed=400.0))
    operations = 6 * (50257 * 768 + 12 * 12 * 768**2) + 12 * 12 * 1024 * 768
    assert f"10,000,000,000 tokens: {operations * 10e9 / 400e12 / 3600:.1f} hours at 400 TFLOP/s" in one
    eight = describe(FitSettings("gpt2-xl", memory=80.0, tokens=10e9, speed=400.0, devices=8))
    assert "training with adamw in float32, one of 8 devices" in eight
    assert f"optimizer{'1.56 GB':>37}" in eight
    assert "% of what one product reaches here)" in describe(FitSettings("tiny", memory=1.0, tokens=1e6, device="cpu"))


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
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=words):
        describe(FitSettings(**({"source": "gpt2"} | changes)))
