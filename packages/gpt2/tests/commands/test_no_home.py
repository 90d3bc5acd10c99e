"""Without a home folder, as in many containers, a run trains and a model is read; what needs one says so in a line."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def homeless(monkeypatch):
    """No HOME, no entry among the users, and no other place for caches: `~` stays `~`."""
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "TENSORS_TO_GPT2_CACHE"):
        monkeypatch.delenv(name, raising=False)

    def nowhere(path: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(os.path, "expanduser", os.fspath)
    monkeypatch.setattr(Path, "home", classmethod(nowhere))


def test_a_run_trains_and_says_that_its_tokenizer_is_not_kept(
    homeless, command, text_file, tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    words = ["--text", text_file, "--recipe", "tiny", "--steps", "2", "--device", "cpu", "--out", "run"]
    code, output, _ = command("train", *words)
    assert code == 0
    assert "Held-out text: loss" in output
    assert "the tokenizer cannot be kept for later runs: wanted a home folder to keep files in, got none" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"], "no folder of the name ~"


@pytest.mark.parametrize(
    "words", [["inspect", "{folder}"], ["tokens", "the cat", "--tokenizer", "{folder}"], ["fit", "gpt2"]], ids=" ".join
)
def test_a_model_that_is_there_is_read(homeless, command, folder, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    code, output, errors = command(*(word.format(folder=folder) for word in words))
    assert (code, errors) == (0, "")
    assert output


@pytest.mark.parametrize(
    "words",
    [
        ["inspect", "~/model"],
        ["train", "--text", "~/a.txt"],
        ["train", "--resume", "~/run"],
        ["tokens", "a", "--tokenizer", "~"],
    ],
    ids=" ".join,
)
def test_a_path_in_a_home_that_there_is_not_is_one_line(homeless, command, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    code, output, errors = command(*words)
    assert (code, output) == (2, "")
    assert errors.count("\n") == 1
    assert "wanted " in errors
    assert not any(tmp_path.iterdir())
