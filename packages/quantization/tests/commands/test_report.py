"""`quantization report` and `quantization search`."""

import json

import pytest

import quantization
from quantization.commands.main import main


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_search_writes_a_plan_that_convert_follows(source, text_file, tmp_path, capsys):
    plan = tmp_path / "plan.json"
    assert run("search", source, "--text", text_file, "--tokens", 96, "--megabytes", 0.15, "--out", plan) == 0
    content = json.loads(plan.read_text())
    assert run("convert", source, "--plan", plan, "--out", tmp_path / "small") == 0
    model, _ = quantization.load(tmp_path / "small")
    assert quantization.bytes_of(model) == content["bytes"] <= 150_000
    capsys.readouterr()
    assert run("search", source, "--text", text_file, "--tokens", 96, "--loss", 0.5, "--out", plan) == 0
    assert json.loads(plan.read_text())["perplexity_change_percent"] <= 0.5


def test_report_prints_a_table(source, text_file, capsys):
    arguments = ["report", source, "--text", text_file, "--tokens", 96, "--schemes", "int8", "int4"]
    assert run(*arguments, "--calibrate", text_file) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split(" |")[0] for line in lines] == ["| float32", "| int8", "| int4"]


@pytest.mark.extras
def test_report_draws(source, text_file, tmp_path, capsys):
    asked = ["report", source, "--text", text_file, "--tokens", 48, "--schemes", "int8", "--out", tmp_path / "r.png"]
    assert run(*asked) == 0
    assert (tmp_path / "r.png").stat().st_size > 5_000
    assert f"picture in {tmp_path / 'r.png'}\n" in capsys.readouterr().err
