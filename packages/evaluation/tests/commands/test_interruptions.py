"""Ctrl-C and a reader that leaves: `score`, `tasks` and `compare` say one line at most, lose nothing, and go on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import torch

import gpt2
from evaluation import scores
from evaluation.commands.main import main
from evaluation.tasks import tasks

TEXTS = [f"the cat and the hat number {n}" for n in range(70)]
COMMANDS = {
    "score": ["score", "A", "TEXTS"],
    "tasks": ["tasks", "A", "--task", "lambada", "--data", "TEXTS"],
    "compare texts": ["compare", "A", "B", "--text", "TEXTS"],
    "compare questions": ["compare", "A", "B", "--task", "lambada", "--data", "TEXTS"],
}
commands = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two models with one tokenizer, and texts that are passages too."""
    folder = tmp_path_factory.mktemp("interrupted")
    tokenizer = gpt2.Tokenizer.train(TEXTS, 270)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=64, n_embd=16, n_head=2, n_layer=1)
    for seed, name in enumerate("AB"):
        gpt2.save(folder / name, gpt2.GPT2(config, generator=torch.Generator().manual_seed(seed)), tokenizer)
    (folder / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return folder


def typed(command, place, *more):
    names = {"A": str(place / "A"), "B": str(place / "B"), "TEXTS": str(place / "texts.jsonl")}
    return [names.get(word, word) for word in command] + ["--device", "cpu", *more]


def ctrl_c_after(count, function):
    """The function, but that somebody presses Ctrl-C after so many of its results, over all its calls."""
    left = [count]

    def interrupted(*arguments, **options) -> Iterator:
        for result in function(*arguments, **options):
            if left[0] == 0:
                signal.raise_signal(signal.SIGINT)
            left[0] -= 1
            yield result

    return interrupted


def press(arguments):
    """The command's exit code. In the background of a shell SIGINT is ignored, here it never is."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return main(arguments)
    finally:
        signal.signal(signal.SIGINT, before)


def lines_of(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def assert_same(ours, theirs):
    """Equal but for the last digits of numbers, which know how many rows were computed together."""
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        ours, theirs = list(ours.values()), list(theirs.values())
    if isinstance(theirs, list):
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    else:
        assert ours == (pytest.approx(theirs, rel=1e-5) if isinstance(theirs, float) else theirs)


@commands
@pytest.mark.parametrize("count", [0, 37])
def test_ctrl_c_loses_no_finished_line_and_the_command_goes_on(place, tmp_path, capsys, monkeypatch, command, count):
    uninterrupted, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    assert main(typed(command, place, "--out", str(uninterrupted))) == 0
    whole, printed = lines_of(uninterrupted), capsys.readouterr()
    count += len(TEXTS) * (command[0] == "compare")  # within the second model
    with monkeypatch.context() as patch:
        patch.setattr(scores, "score_documents", ctrl_c_after(count, scores.score_documents))
        patch.setattr(tasks, "score_items", ctrl_c_after(count, tasks.score_items))
        assert press(typed(command, place, "--out", str(out))) == 130
    assert capsys.readouterr() == (
        "",
        f"evaluation: interrupted; {out} has {count} lines, the same command with --resume goes on from there\n",
    )
    assert lines_of(out) == whole[:count]
    assert main(typed(command, place, "--out", str(out), "--resume")) == 0
    assert capsys.readouterr() == printed
    assert_same(lines_of(out), whole)


@commands
def test_ctrl_c_without_a_file_says_so_in_one_line(place, capsys, monkeypatch, command):
    monkeypatch.setattr(scores, "score_documents", ctrl_c_after(37, scores.score_documents))
    monkeypatch.setattr(tasks, "score_items", ctrl_c_after(37, tasks.score_items))
    assert press(typed(command, place)) == 130
    out, err = capsys.readouterr()
    assert err == "evaluation: interrupted\n"
    assert out.count("\n") == (37 if command[0] == "score" else 0), "what was printed stays printed"


@commands
def test_a_reader_that_leaves_ends_the_command_quietly(place, tmp_path, monkeypatch, capsys, command):
    reader, writer = os.pipe()
    os.close(reader)
    out = tmp_path / "out.jsonl"
    if command[0] != "score":  # what `score --out` writes to standard output is nothing
        command = [*command, "--out", str(out)]
    with open(writer, "w", encoding="utf-8") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        assert main(typed(command, place)) == 141
    assert capsys.readouterr().err == ""
    assert out.exists() <= (len(lines_of(out)) >= len(TEXTS) if out.exists() else True), "nothing of it is lost"


def test_a_signal_from_outside_is_ctrl_c(place, tmp_path):
    """In a process of its own, in the middle of a text that takes long."""
    out, text = tmp_path / "out.jsonl", tmp_path / "long.jsonl"
    text.write_text((json.dumps({"text": "the cat and the hat " * 50}) + "\n") * 2000)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # inherited by the child
    try:
        arguments = typed(["score", "A", str(text)], place, "--out", str(out))
        process = subprocess.Popen([sys.executable, "-m", "evaluation", *arguments], stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        while not (out.exists() and out.stat().st_size):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait() == 130, said
        assert said.splitlines()[-1].startswith(f"evaluation: interrupted; {out} has ")
