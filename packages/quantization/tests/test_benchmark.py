"""The benchmark's figures are what they say they are."""

import pytest

from quantization.commands.main import main
from quantization.costs.benchmark import AS_IT_IS, Speed, benchmark, memory_bandwidth, plot_speeds, table


def test_every_precision_has_a_line_and_the_limit_is_bandwidth_over_bytes(model):
    found = benchmark(model, ("int8", "int4"), rows=(1, 2), new_tokens=2, turns=1)
    assert [(speed.name, speed.rows) for speed in found] == [
        (name, rows) for rows in (1, 2) for name in (AS_IT_IS, "int8", "int4")
    ]
    limits = {speed.name: speed.limit * speed.n_bytes / speed.rows for speed in found}
    assert len({round(limit) for limit in limits.values()}) == 1
    assert all(speed.tokens_per_second > 0 for speed in found)
    assert found[1].n_bytes < found[0].n_bytes


def test_bandwidth_is_bytes_over_the_median_of_the_seconds(monkeypatch):
    clock = iter([0, 9, 10, 12, 20, 21, 30, 33])  # a warm-up of 9 s, then 2, 1 and 3
    monkeypatch.setattr("quantization.costs.benchmark.time.perf_counter", lambda: next(clock))
    assert memory_bandwidth(4, 3) == pytest.approx(4e6 / 2)


def test_the_table_names_ratios_and_shares():
    speeds = [Speed(AS_IT_IS, 1, 400_000_000, 10.0, 20.0), Speed("int8", 1, 99_440_000, 40.0, 80.0)]
    assert table(speeds).splitlines()[2:] == [
        f"| {AS_IT_IS} | 400 | 10 | 1.0 | 50% |",
        "| int8 | 99.4 | 40 | 4.0 | 50% |",
    ]
    pytest.importorskip("matplotlib")
    axes = plot_speeds(speeds).axes[0]
    assert [text.get_text() for text in axes.texts] == ["10", "40"]
    assert (axes.get_yscale(), axes.get_ylabel()) == ("log", "tokens a second (logarithmic)")


def test_the_command_prints_the_table_and_draws(model, tokenizer, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    import gpt2

    gpt2.save(tmp_path / "model", model, tokenizer)
    picture = tmp_path / "speed.png"
    options = ["--schemes", "int8", "--rows", "1", "--tokens", "2", "--turns", "1", "--out", str(picture)]
    assert main(["benchmark", str(tmp_path / "model"), *options]) == 0
    said = capsys.readouterr()
    assert "| int8 |" in said.out
    assert f"picture in {picture}\n" in said.err
    assert picture.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--schemes", "int9"], "wanted one of int8"),
        (["--rows", "0"], "--rows, --tokens, --turns: wanted numbers of at least 1, got (0,), 32 and 5; 1 8, 32 and 5"),
    ],
)
def test_what_makes_no_sense_is_said(options, message, tmp_path, capsys):
    assert main(["benchmark", str(tmp_path), *options]) == 2
    assert message in capsys.readouterr().err
