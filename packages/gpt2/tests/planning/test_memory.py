"""Memory by formula is what the operating system and autograd count, in processes of their own."""

import json
import subprocess
import sys

import pytest
import torch

import gpt2
from gpt2.planning.memory import inference_memory, training_memory
from transformer import feed_forward, wiring

WIDE = {"n_vocab": 20_000, "n_ctx": 64, "n_embd": 512, "n_head": 8, "n_layer": 6}

LONG = {"n_vocab": 4096, "n_ctx": 256, "n_embd": 256, "n_head": 4, "n_layer": 4}

TALL = {"n_vocab": 40_000, "n_ctx": 1024, "n_embd": 512, "n_head": 8, "n_layer": 8}

MEASURE = """
import json, resource, sys
import torch
import gpt2
from gpt2.training.curriculum import model_loss
from gpt2.training.optimizing import optimizer_of
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
        ("training", TALL, 1, "adamw", "float32"),
        ("training", WIDE, 16, "adamw", "bfloat16"),
        ("inference", WIDE, 2, "adamw", "float32"),
        ("inference", LONG, 16, "adamw", "float32"),
    ],
)
def test_the_plan_is_within_15_percent_of_the_measured_peak(what, shape, micro, optimizer, precision):
    config = gpt2.GPT2Config(**shape)
    training = training_memory(config, optimizer=optimizer, precision=precision)
    plan = training if what == "training" else inference_memory(config)
    peak = plan.peak(micro, micro) if what == "training" else plan.peak(micro)
    assert peak == pytest.approx(measured(what, shape, micro, optimizer, precision), rel=0.15)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_kept_for_the_way_back_is_what_autograd_keeps(precision, monkeypatch):
    monkeypatch.setattr(feed_forward, "KEPT", 0)  # as where there are many values
    monkeypatch.setattr(wiring, "computes_again", lambda norm: False)  # what is, no hook around it can count
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
    vector = 2 * 1024 * 32 * (2 if precision == "bfloat16" else 4)
    got += vector  # the gradient that the head knows, which it gives away
    got -= 0 if precision == "bfloat16" else config.n_layer * 2 * vector  # norms, which test_wiring finds are not kept
    assert 2 * plan.window + plan.copies == pytest.approx(got, rel=0.02)


def test_the_largest_micro_batch_is_the_last_that_fits():
    for free in (10**9, 3 * 10**9, 10**10, 10**8):
        plan = training_memory(gpt2.PUBLISHED["gpt2"])
        most = plan.largest(free)
        assert plan.peak(most) <= free or most == 0
        assert plan.peak(most + 1) > free
        rows = inference_memory(gpt2.PUBLISHED["gpt2"])
        assert rows.peak(rows.largest(free) + 1) > free
