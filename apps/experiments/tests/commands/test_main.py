"""The commands, as one types them."""

import json
import shutil

import pytest


def test_a_sweep_is_told_compared_and_shown(swept, command, tmp_path):
    out = tmp_path / "plan"
    shutil.copytree(swept, out)
    plan = swept.with_suffix(".toml")
    code, said, _ = command("run", plan, "--out", out)
    assert code == 0
    assert said.splitlines()[0].split()[:4] == ["RECIPE", "TEXT", "SEEDS", "BITS/BYTE"]
    assert "experiments compare base decay --results" in said
    assert (out / "page.html").is_file()
    data = json.loads(command("run", plan, "--out", out, "--json")[1])
    assert [row["recipe"] for row in data["results"]] == ["base", "decay", "slow"]
    code, said, _ = command("compare", "base", "slow", "--results", out)
    assert code == 0
    assert "learning_rate: 0.01 -> 0.0001" in said
    data = json.loads(command("compare", "base", "slow", "--results", out, "--json")[1])
    assert data["differs"]["learning_rate"] == [0.01, 1e-4]
    assert data["comparisons"][0]["pairs"] == 2
    code, said, _ = command("compare", "base", "--results", out)
    assert (code, said.splitlines()[0].split()[:3]) == (0, ["RECIPE", "MINUS", "BASE"])
    assert [line.split()[0] for line in said.splitlines()[1:3]] == ["decay", "slow"]
    assert list(json.loads(command("compare", "base", "--results", out, "--json")[1])["comparisons"]) == [
        "decay",
        "slow",
    ]
    assert command("page", out, "--out", tmp_path / "other.html")[0] == 0
    assert (tmp_path / "other.html").read_bytes() == (out / "page.html").read_bytes()
    assert command("page", out, "--out", tmp_path / "new" / "page.html")[0] == 0
    code, _, errors = command("page", out, "--out", tmp_path / "new")
    assert (code, "new: wanted a file for the page, got a folder" in errors) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "nothing.toml"], "nothing.toml: wanted a plan, a TOML file, got no such file"),
        (["run"], "PLAN"),
        (["rnu"], "did you mean run?"),
        (["compare", "a", "b"], "--results: wanted the folder of a sweep, got none here"),
        (["compare", "a", "b", "--results", "nowhere"], "nowhere: wanted the folder of a sweep, got no such folder"),
        (["page", "nowhere"], "nowhere: wanted the folder of a sweep, got no such folder"),
        (["average", "a", "b", "--out", "c"], "a"),
        (["search", "nothing.toml", "--method", "guess"], "--method: wanted one of grid, random, halving"),
    ],
)
def test_wrong_words_are_answered_in_one_line(words, said, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, errors = command(*words)
    assert (code, errors.count("\n")) == (2, 1)
    assert said in errors


def test_processes_are_at_least_one(swept, command):
    code, _, errors = command("run", swept.with_suffix(".toml"), "--out", swept, "--processes", "0")
    assert (code, "--processes: wanted at least 1, got 0" in errors) == (2, True)


def test_a_file_where_the_folder_should_be_is_said(swept, command, tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        code, _, errors = command("run", swept.with_suffix(".toml"), "--out", out)
        assert (code, f"{out}: wanted a folder that can be made" in errors) == (2, True)


def test_what_failed_is_not_named_to_be_compared(command, tmp_path, plan_in, plan_text):
    """A rate that no model survives."""
    whole = plan_text.replace("seeds = [0, 1]", "seeds = 1").replace("weight_decay = 0.5", "learning_rate = 1e9")
    plan = plan_in(tmp_path, whole)
    code, said, errors = command("run", plan, "--processes", "1")
    assert (code, "decay, topics, seed 0 failed" in errors) == (1, True)
    assert "experiments compare base slow --results" in said
