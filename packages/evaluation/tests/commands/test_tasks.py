"""`evaluation tasks` prints what the functions give, and resumes."""

import json

import pytest

import gpt2
from evaluation import LAMBADA, read_items, score_items, summarise
from evaluation.commands.main import main

CPU = ["--device", "cpu"]


def test_the_measures_of_a_task_are_those_of_the_functions(folders, passages, capsys, hint):
    assert main(["tasks", folders[0], "--task", "lambada", "--data", str(passages), "--json", *CPU]) == 0
    out, err = capsys.readouterr()
    measures = summarise(list(score_items(*gpt2.load(folders[0]), read_items(LAMBADA, passages))))
    expected = {name: {"value": m.value, "low": m.low, "high": m.high} for name, m in measures.items()}
    result = json.loads(out)
    assert (result.pop("task"), result.pop("items")) == ("lambada", 12)
    assert {name: pytest.approx(value, rel=1e-5) for name, value in expected.items()} == result
    assert err == f"{hint('compare', folders[0], 'OTHER_MODEL', '--task', 'lambada', '--data', str(passages))}\n"
    assert main(["tasks", folders[0], "--task", "lambada", "--data", str(passages), "--limit", "5", *CPU]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "lambada, 5 questions"
    assert [line.split()[0] for line in lines[1:-1]] == list(expected)
    assert lines[-1] == "only 5 questions: an interval from fewer than 30 is not to be trusted"


def test_an_interrupted_task_goes_on_to_the_same_measures(folders, passages, capsys, tmp_path, lines_of):
    out = tmp_path / "items.jsonl"
    command = ["tasks", folders[0], "--task", "lambada", "--data", str(passages), "--out", str(out), *CPU]
    assert main(command) == 0
    printed, whole = capsys.readouterr().out, out.read_bytes()
    out.write_bytes(whole[: len(whole) // 2])
    assert main([*command, "--resume"]) == 0
    assert (capsys.readouterr().out, len(lines_of(out.read_text()))) == (printed, 12)


def test_wikitext_gives_each_perplexity_under_its_name(folders, tmp_path, capsys):
    (tmp_path / "wiki.txt").write_text(" = The cat = \n\n the cat , and the hat . \n", encoding="utf-8")
    command = ["tasks", folders[0], "--task", "wikitext2", "--data", str(tmp_path / "wiki.txt"), *CPU]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["raw", "raw_words", "published"]
    assert lines[4].startswith("100.0% of the lines come back")
    assert main([*command, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"task", "restored_lines", "raw", "raw_words", "published"}
