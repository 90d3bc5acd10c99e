"""Where models, texts and questions are, however people name and write them."""

import json
import shutil
from pathlib import Path

import pytest

from evaluation.commands.main import main

CPU = ["--device", "cpu"]


def nats(arguments, capsys):
    assert main([*arguments, *CPU]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[0])["nats"]


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl"])
def test_a_text_is_the_same_whatever_editor_wrote_it(folders, tmp_path, capsys, name):
    """With a byte order mark and lines that end in CRLF, as Windows' editors write them, or without."""
    text = '{"text": "the cat"}\n' if name == "a.jsonl" else "the cat\nand the hat\n"
    values = []
    for content in (text.encode(), b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()):
        (tmp_path / name).write_bytes(content)
        values.append(nats(["score", folders[0], str(tmp_path / name)], capsys))
    assert values[0] == values[1]
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf\r\n")
    assert main(["score", folders[0], str(tmp_path / name), *CPU]) == 2, "no text at all"


def test_questions_are_the_same_too(folders, tmp_path, capsys):
    lines = [{"text": "the cat and the hat"}, {"text": "the hat and the cat"}]
    content = "".join(json.dumps(line) + "\n" for line in lines)
    printed = []
    for data in (content.encode(), b"\xef\xbb\xbf" + content.replace("\n", "\r\n").encode()):
        (tmp_path / "q.jsonl").write_bytes(data)
        assert main(["tasks", folders[0], "--task", "lambada", "--data", str(tmp_path / "q.jsonl"), *CPU]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_a_run_folder_is_its_model_and_a_tilde_is_home(folders, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    shutil.copytree(folders[0], tmp_path / "run" / "model")
    (tmp_path / "text.txt").write_text("the hat")
    expected = nats(["score", folders[0], str(tmp_path / "text.txt")], capsys)
    for model in (str(tmp_path / "run"), "~/run", "~/run/model"):
        assert nats(["score", model, "~/text.txt"], capsys) == expected
    (tmp_path / "q.jsonl").write_text('{"text": "the hat"}\n')
    questions = ["--task", "lambada", "--data", "~/q.jsonl", "--out", "~/out.jsonl"]
    assert main(["compare", "~/run", folders[0], *questions, *CPU]) == 0
    assert (tmp_path / "out.jsonl").is_file()
    assert not Path("~").exists()


def test_no_home_folder_is_said(folders, monkeypatch, capsys):
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert main(["score", "~/run", "--text", "x", *CPU]) == 2
    assert "wanted a home folder for ~ in ~/run, got none" in capsys.readouterr().err


def test_a_device_that_computes_nothing_is_refused(folders, capsys):
    assert main(["score", folders[0], "--text", "x", "--device", "meta"]) == 2
    assert "wanted a device that computes, got 'meta'" in capsys.readouterr().err


def test_a_limit_beyond_all_numbers_is_all(folders, texts, capsys):
    for arguments in (
        ["tasks", folders[0], "--task", "lambada", "--data", str(texts / "q.jsonl")],
        ["compare", folders[0], folders[0], "--text", str(texts / "q.jsonl")],
    ):
        (texts / "q.jsonl").write_text('{"text": "the hat"}\n')
        assert main([*arguments, "--limit", str(10**30), *CPU]) == 0
