"""The benchmark's figures are what they say they are."""

import os

import pytest

from quantization.costs.benchmark import AS_IT_IS, Speed, benchmark, memory_bandwidth, plot_speeds, table
from transformer.kernels.native import SWITCH


def test_every_precision_has_a_line_and_the_limit_is_bandwidth_over_bytes(model):
    found = benchmark(model, ("int8", "int4"), rows=(1, 2), new_tokens=2, turns=1)
    assert [(speed.name, speed.rows) for speed in found] == [
        (name, rows) for rows in (1, 2) for name in (AS_IT_IS, "int8", "int4")
    ]
    limits = {speed.name: speed.limit * speed.n_bytes / speed.rows for speed in found}
    assert len({round(limit) for limit in limits.values()}) == 1
    assert all(speed.tokens_per_second > 0 for speed in found)
    assert found[1].n_bytes < found[0].n_bytes


def test_the_first_line_is_torchs_alone_and_the_others_choose(model, monkeypatch):
    chosen = []
    monkeypatch.setattr(
        "quantization.costs.benchmark.seconds_of", lambda *given: chosen.append(os.environ.get(SWITCH)) or 1.0
    )
    monkeypatch.delenv(SWITCH, raising=False)
    benchmark(model, ("int8",), rows=(1,), new_tokens=1, turns=1)
    monkeypatch.setenv(SWITCH, "plain")
    benchmark(model, ("int8",), rows=(1,), new_tokens=1, turns=1)
    assert chosen == ["torch", None, "torch", None, "torch", "plain", "torch", "plain"]


def test_bandwidth_is_bytes_over_the_median_of_the_seconds(monkeypatch):
    clock = iter([0, 9, 10, 12, 20, 21, 30, 33])  # a warm-up of 9 s, then 2, 1 and 3
    monkeypatch.setattr("quantization.costs.benchmark.time.perf_counter", lambda: next(clock))
    assert memory_bandwidth(4, 3) == pytest.approx(4e6 / 2)


SPEEDS = [Speed(AS_IT_IS, 1, 400_000_000, 10.0, 20.0), Speed("int8", 1, 99_440_000, 40.0, 80.0)]


def test_the_table_names_ratios_and_shares():
    assert table(SPEEDS).splitlines()[2:] == [
        f"| {AS_IT_IS} | 400 | 10 | 1.0 | 50% |",
        "| int8 | 99.4 | 40 | 4.0 | 50% |",
    ]


@pytest.mark.extras
def test_the_picture_has_a_bar_for_every_precision():
    axes = plot_speeds(SPEEDS).axes[0]
    assert [text.get_text() for text in axes.texts] == ["10", "40"]
    assert (axes.get_yscale(), axes.get_ylabel()) == ("log", "tokens a second (logarithmic)")
