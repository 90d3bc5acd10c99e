"""What quantizing costs, measured; and every long piece of work says how far it is."""

import pytest
import torch

import evaluation
from quantization import (
    bytes_of,
    cost_report,
    divergences,
    plot_report,
    precision_path,
    quantize,
    sensitivity,
)
from quantization.costs.benchmark import benchmark


def test_the_report_has_evaluations_perplexity(model, rows):
    ids = torch.cat(rows)
    report = cost_report(model, ids, {"eight": "int8", "four": "int4", "some": {"token_embedding": "int8"}}, sample=1)
    small = quantize(model, "int8")
    assert [row.name for row in report.rows] == ["float32", "eight", "four", "some"]
    assert report.rows[1].perplexity == evaluation.perplexity(small, ids, stride=48, context=48)
    assert report.rows[1].n_bytes == bytes_of(small)
    assert report.rows[2].divergence.nats > report.rows[1].divergence.nats > 0
    lines = str(report).splitlines()
    assert len(lines) == 6
    assert {line.count("|") for line in lines} == {9}


@pytest.mark.extras
def test_the_picture_has_a_point_for_every_line(model, rows, tmp_path):
    report = cost_report(model, torch.cat(rows)[:96], {"eight": "int8", "four": "int4"}, sample=1)
    figure = plot_report(report)
    assert [line.get_label() for line in figure.axes[0].lines][:3] == ["float32", "eight", "four"]
    figure.savefig(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 5_000


@pytest.fixture(scope="module")
def ids(tokenizer, text):
    return torch.tensor(tokenizer.encode(text[40_000:])[: 48 * 100 + 17])


def test_a_report_reads_the_text_in_float_twice_however_many_schemes(model, ids):
    read = []
    handle = model.token_embedding.register_forward_hook(lambda layer, given, made: read.append(given[0].numel()))
    cost_report(model, ids[:961], {name: name for name in ("int8", "int4", "bfloat16")}, layers=False)
    handle.remove()
    assert sum(read) == 2 * 960


def divergences_of_two(model, ids, progress):
    divergences(model, {"a": model, "b": model}, [*ids[:480].split(48), ids[:7]], progress=progress)


def report_of_two(model, ids, progress):
    cost_report(model, ids, {"a": "int8", "b": {"token_embedding": "int4"}}, progress=progress)


def short_benchmark(model, ids, progress):
    benchmark(model, ("int8",), rows=(1, 2), new_tokens=1, turns=1, progress=progress)


WORK = {
    "quantize": lambda model, ids, progress: quantize(model, "int4", progress=progress),
    "sensitivity": lambda model, ids, progress: sensitivity(model, ids[:96].split(48), "int8", progress=progress),
    "precision_path": lambda model, ids, progress: precision_path(model, ids[:96].split(48), progress=progress),
    "divergences": divergences_of_two,
    "cost_report": report_of_two,
    "benchmark": short_benchmark,
}


@pytest.mark.parametrize("name", WORK)
def test_every_step_is_told_once_and_the_last_is_the_total(model, ids, name):
    told = []
    WORK[name](model, ids, progress=lambda done, total: told.append((done, total)))
    total = told[-1][1]
    assert total > 1
    assert told == [(done, total) for done in range(total + 1)]
