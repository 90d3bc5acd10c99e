"""Measuring what is lost, and choosing where to lose it."""

import math
import sys

import pytest
import torch
from torch.nn import functional

import decoding
from quantization import (
    bytes_of,
    cost_report,
    divergences,
    plot_clipping,
    plot_report,
    plot_rounding,
    precision_path,
    quantize,
    sensitivity,
    within_bytes,
    within_loss,
)


@pytest.fixture(scope="module")
def rows(tokenizer, text):
    return list(torch.tensor(tokenizer.encode(text[40_000:])[: 48 * 4]).reshape(-1, 48))


def test_divergence_is_torchs_and_counts_changed_words(model, rows):
    small = quantize(model, "int4")
    found = divergences(model, {"int4": small, "itself": model}, rows)
    with torch.inference_mode():
        ours, theirs = small(torch.stack(rows)).log_softmax(-1), model(torch.stack(rows)).log_softmax(-1)
    nats = functional.kl_div(ours, theirs, log_target=True, reduction="none").sum(-1).mean()
    assert found["int4"].nats == pytest.approx(float(nats), rel=1e-4)
    assert found["int4"].agreement == float((ours.argmax(-1) == theirs.argmax(-1)).double().mean())
    assert (found["itself"].nats, found["itself"].agreement, found["itself"].tokens) == (0, 1, 192)


def test_sensitivity_is_that_of_the_layer_alone_and_the_worst_comes_first(model, rows):
    costs = sensitivity(model, rows, "int4")
    assert [cost.divergence.nats for cost in costs] == sorted([cost.divergence.nats for cost in costs], reverse=True)
    assert len(costs) == 9
    worst = costs[0]
    alone = divergences(model, {"alone": quantize(model, {worst.layer: worst.scheme})}, rows)["alone"]
    assert worst.divergence.nats == pytest.approx(alone.nats, rel=1e-5)


def test_every_plan_of_the_path_is_smaller_and_its_size_is_true(model, rows):
    plans = precision_path(model, rows[:2])
    sizes = [plan.n_bytes for plan in plans]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)
    assert sizes[0] == bytes_of(model)
    assert set(plans[-1].layers.values()) == {"int4:32"}
    for plan in plans[:: max(1, len(plans) // 4)]:
        assert bytes_of(quantize(model, plan.layers)) == plan.n_bytes


def test_a_budget_of_bytes_and_one_of_loss_are_kept(model, rows):
    plans = precision_path(model, rows[:2])
    budget = 0.3 * bytes_of(model)
    plan = within_bytes(plans, budget)
    assert bytes_of(quantize(model, plan.layers)) <= budget
    asked = []

    def loss_of(layers):
        asked.append(layers)
        return divergences(model, {"plan": quantize(model, layers)}, rows)["plan"].nats

    best = within_loss(plans, loss_of, 1e-3)
    assert loss_of(best.layers) <= 1e-3
    assert loss_of(plans[plans.index(best) + 1].layers) > 1e-3
    assert len(asked) <= math.log2(len(plans)) + 4
    with pytest.raises(ValueError, match=r"size: wanted at most 10 bytes, got [\d,]+ with every layer at its smallest"):
        within_bytes(plans, 10)


def test_the_report_has_decodings_perplexity_and_a_picture(model, rows, tmp_path):
    ids = torch.cat(rows)
    report = cost_report(model, ids, {"eight": "int8", "four": "int4", "some": {"token_embedding": "int8"}}, sample=1)
    small = quantize(model, "int8")
    assert [row.name for row in report.rows] == ["float32", "eight", "four", "some"]
    assert report.rows[1].perplexity == decoding.perplexity(small, ids, stride=48, context=48)
    assert report.rows[1].n_bytes == bytes_of(small)
    assert report.rows[2].divergence.nats > report.rows[1].divergence.nats > 0
    lines = str(report).splitlines()
    assert len(lines) == 6
    assert {line.count("|") for line in lines} == {9}
    plot_report(report).savefig(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 5_000


def test_without_matplotlib_a_picture_says_what_to_install(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"wanted matplotlib.figure for .* install the extra: quantization\[plots\]"):
        plot_rounding(model.decoder.blocks[0].attention.qkv.weight)


def test_pictures_of_weights_have_a_line_for_every_way(model):
    weight = model.decoder.blocks[0].attention.qkv.weight
    assert len(plot_rounding(weight).axes[1].lines) == 4
    assert len(plot_clipping(weight).axes[0].lines) == 8
