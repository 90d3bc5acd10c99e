"""The command `evaluation` refuses what makes no sense, says what to type next, and ends as its caller needs it.

Ctrl-C and a reader that leaves: `score`, `tasks` and `compare` say one line at most, lose nothing, and resume.
"""

import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import gpt2
from evaluation import scores
from evaluation.commands.main import main
from evaluation.tasks import tasks

CPU = ["--device", "cpu"]


@pytest.mark.parametrize("in_workspace", [False, True])
def test_the_next_command_may_be_typed_as_it_stands(folders, tmp_path, capsys, monkeypatch, in_workspace):
    """In the workspace or elsewhere, with all files, their spaces, and what says which questions they are."""
    monkeypatch.chdir(tmp_path)
    if in_workspace:
        (tmp_path / "uv.lock").touch()
        (tmp_path / "packages" / "evaluation").mkdir(parents=True)
    evaluation = "uv run --package evaluation evaluation" if in_workspace else "evaluation"
    model = folders[0]
    Path("a b.jsonl").write_text('{"body": "the cat and the hat", "text": "the cat and the hat"}\n' * 3)
    Path("c.jsonl").write_text('{"body": "the hat", "text": "the hat"}\n')
    questions = ["--task", "lambada", "--data", "a b.jsonl", "--limit", "2"]
    for arguments, expected in (
        (["score", model, "a b.jsonl", "c.jsonl", "--field", "body"],
         f"compare {model} OTHER_MODEL --text 'a b.jsonl' --text c.jsonl --field body"),
        (["tasks", model, *questions], f"compare {model} OTHER_MODEL {shlex.join(questions)}"),
        (["compare", model, model, *questions], f"tasks {model} {shlex.join(questions)}"),
        (["compare", model, model, "--text", "a b.jsonl", "--text", "c.jsonl"], f"score {model} 'a b.jsonl' c.jsonl"),
        (["tasks", model, "--task", "wikitext2", "--data", "a b.jsonl"], f"score {model} 'a b.jsonl'"),
    ):  # fmt: skip
        assert main([*arguments, *CPU]) == 0
        assert capsys.readouterr().err.splitlines()[-1] == f"next: {evaluation} {expected}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["score", "MODEL"], "wanted texts to score, got none; give files"),
        (["score", "MODEL", "/no/such/file"], "wanted a file of text, got /no/such/file: No such file"),
        (["score", "MODEL", "EMPTY"], "wanted a text to score, got an empty one in"),
        (["score", "MODEL", "--text", " "], "got an empty one in --text 1; fill it or leave it out"),
        (["score", "MODEL", "--text", "\udcff"], "wanted a text in UTF-8, got other bytes in --text 1"),
        (["score", "MODEL", "BYTES"], "has an invalid byte 0xff at offset 1; convert the file"),
        (["score", "MODEL", "LINES", "--field", "body"], "wanted a text under 'body'"),
        (["score", "MODEL", "NOJSON"], "wanted a JSON object, got 'word' in "),
        (["score", "MODEL", "--text", "x", "--stride", "0"], "stride: wanted 1 to 63 tokens"),
        (["score", "MODEL", "--text", "x", "--stride", "64"], "more would leave tokens out"),
        (["score", "MODEL", "--text", "x", "--resume"], "wanted --out FILE with --resume, got none; name the file"),
        (["score", "MODEL", "--text", "x", "--out", "LINES"], "which exists; add --resume to go on with it"),
        (["score", "MODEL", "--text", "x", "--out", "LINES", "--resume"], "wanted at most 1 lines in"),
        (["score", "MODEL", "LINES", "--out", "LINES", "--resume"], "in line 1 of"),
        (["score", "MODEL", "LINES", "--out", "NOJSON", "--resume"], "got something else; name another file"),
        (["score", "MODEL", "--text", "x", "--out", "/no/such/folder/out"], "wanted a file to write, got"),
        (["score", "MODEL", "--text", "x", "--device", "abacus"], "abacus"),
        (["score", "/no/such/model", "--text", "x"], "/no/such/model"),
        (["tasks", "MODEL", "--task", "choice"], "wanted a file of your questions, got none; give --data"),
        (["tasks", "MODEL", "--task", "lambada", "--data", "NOJSON"], "wanted a JSON object, got 'word' in line 1 of "),
        (["tasks", "MODEL", "--task", "lambada", "--data", "EMPTY"], "wanted at least one line of lambada"),
        (["tasks", "MODEL", "--task", "lambada", "--data", "LINES", "--limit", "0"], "wanted a limit of at least 1"),
        (["tasks", "MODEL", "--task", "wikitext2", "--data", "LINES", "--limit", "1"], "wanted no --limit"),
        (["compare", "MODEL", "MODEL"], "wanted --text FILE or --task TASK, got neither; give one"),
        (["compare", "MODEL", "MODEL", "--text", "LINES", "--task", "blimp"], "got both; give one of them"),
        (["compare", "MODEL", "MODEL", "--text", "LINES", "--limit", "-1"], "wanted a limit of at least 1, got -1"),
    ],
)  # fmt: skip
def test_bad_input_exits_with_2_and_one_clear_line(folders, texts, capsys, arguments, words):
    (texts / "empty").write_bytes(b"")
    (texts / "bytes").write_bytes(b"a\xff")
    (texts / "no.jsonl").write_text("word\n")
    names = {"MODEL": folders[0], "EMPTY": texts / "empty", "BYTES": texts / "bytes", "NOJSON": texts / "no.jsonl"}
    names |= {"LINES": texts / "texts.jsonl"}
    assert main([str(names.get(argument, argument)) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("evaluation: ")
    assert words in err


ALL = "--help lists all"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("", f"wanted one of the commands score, tasks, compare, got none; evaluation {ALL}"),
        ("--limit 3", f"wanted one of the commands score, tasks, compare, got '--limit'; evaluation {ALL}"),
        ("scores x", "wanted one of the commands score, tasks, compare, got 'scores'; did you mean score?"),
        ("score x --strid 3", "wanted an option of evaluation score, got --strid; did you mean --stride?"),
        ("score x y --stride abc", "--stride: wanted a whole number, got 'abc'; leave --stride out for the default"),
        ("tasks x --task lambda", "--task: wanted one of lambada, hellaswag, blimp, choice, wikitext2, wikitext103, "
         "got 'lambda'; did you mean lambada?"),
        ("tasks x", "wanted --task, got none; usage: evaluation tasks MODEL --task "),
        ("compare x", "wanted MODEL_B, got none; usage: evaluation compare MODEL_A MODEL_B "),
    ],
)  # fmt: skip
def test_wrong_arguments_exit_with_2_and_one_line(arguments, line, capsys):
    assert main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"evaluation: {line}")


TEXTS = [f"the cat and the hat number {n}" for n in range(70)]
COMMANDS = {
    "score": ["score", "A", "TEXTS"],
    "tasks": ["tasks", "A", "--task", "lambada", "--data", "TEXTS"],
    "compare texts": ["compare", "A", "B", "--text", "TEXTS"],
    "compare questions": ["compare", "A", "B", "--task", "lambada", "--data", "TEXTS"],
}
commands = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


@pytest.fixture(scope="module")
def place(tmp_path_factory, folders):
    """What the words of COMMANDS stand for: two models, and texts that are passages too."""
    file = tmp_path_factory.mktemp("interrupted") / "texts.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return {"A": folders[0], "B": folders[1], "TEXTS": str(file)}


def typed(command, place, *more):
    return [place.get(word, word) for word in command] + [*CPU, *more]


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


def written(path):
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
    whole, printed = written(uninterrupted), capsys.readouterr()
    count += len(TEXTS) * (command[0] == "compare")  # within the second model
    with monkeypatch.context() as patch:
        patch.setattr(scores, "score_documents", ctrl_c_after(count, scores.score_documents))
        patch.setattr(tasks, "score_items", ctrl_c_after(count, tasks.score_items))
        assert press(typed(command, place, "--out", str(out))) == 130
    assert capsys.readouterr() == (
        "",
        f"evaluation: interrupted; {out} has {count} lines, the same command with --resume goes on from there\n",
    )
    assert written(out) == whole[:count]
    assert main(typed(command, place, "--out", str(out), "--resume")) == 0
    assert capsys.readouterr() == printed
    assert_same(written(out), whole)


def other_weights(folder):
    model, tokenizer = gpt2.load(folder)
    with torch.no_grad():
        model.final_norm.weight.mul_(2)
    gpt2.save(folder, model, tokenizer)


def other_configuration(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"n_head": 1}))


def other_tokenizer(folder):
    """Another order of the merges: as many tokens of the same sizes, other ids for the same text."""
    ranks = gpt2.Tokenizer.load(folder).ranks
    swap = {ranks[b"a"]: ranks[b"b"], ranks[b"b"]: ranks[b"a"]}
    gpt2.Tokenizer({token: swap.get(rank, rank) for token, rank in ranks.items()}).save(folder, n_ctx=64)


MODELS = {"weights": other_weights, "config": other_configuration, "tokenizer": other_tokenizer}


@commands
@pytest.mark.parametrize("differs", [*MODELS, "content"])
def test_a_command_is_resumed_with_the_same_content_only(place, tmp_path, capsys, command, differs):
    """Same paths, sizes and times: what stands there decides, whichever of model and texts it is."""
    model, texts, out = tmp_path / "model", tmp_path / "texts.jsonl", tmp_path / "out.jsonl"
    shutil.copytree(place["B"], model)
    texts.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS[:5]))
    here = {**place, "TEXTS": str(texts), "B" if "B" in command else "A": str(model)}
    arguments = typed(command, here, "--out", str(out))
    assert main(arguments) == 0
    whole = out.read_bytes()
    out.write_bytes(b"".join(whole.splitlines(keepends=True)[:-2]))
    kept, times = out.read_bytes(), texts.stat()
    if differs == "content":
        texts.write_text(texts.read_text().replace("the cat and the hat", "the hat and the cat"))
        os.utime(texts, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert texts.stat().st_size == times.st_size
    else:
        MODELS[differs](model)
    capsys.readouterr()
    assert main([*arguments, "--resume"]) == 2
    out_, err = capsys.readouterr()
    assert out_ == ""
    assert re.match(
        rf"evaluation: wanted {differs}='sha256:\w+' in line \d+ of .*, got {differs}='sha256:\w+'; give", err
    )
    assert out.read_bytes() == kept


def test_settings_that_no_line_named_are_compared_too(place, tmp_path, capsys):
    """The stride of pieces, the answer of a question, whether tokens are listed."""
    (tmp_path / "texts.jsonl").write_text('{"text": "the cat and the hat"}\n')
    place = {**place, "TEXTS": str(tmp_path / "texts.jsonl")}
    out = tmp_path / "out.jsonl"
    compare = typed(COMMANDS["compare texts"], place, "--out", str(out))
    assert main(compare) == 0
    assert main([*compare, "--stride", "7", "--resume"]) == 2
    assert "wanted stride=7 in line 1 of" in capsys.readouterr().err
    score = typed(COMMANDS["score"], place, "--out", str(tmp_path / "tokens.jsonl"))
    assert main([*score, "--tokens"]) == 0
    assert main([*score, "--resume"]) == 2
    assert "wanted the same --tokens as before, but line 1 of" in capsys.readouterr().err
    data = tmp_path / "choice.jsonl"
    tasks = typed(
        ["tasks", "A", "--task", "choice", "--data", str(data)], place, "--out", str(tmp_path / "tasks.jsonl")
    )
    for answer, more, code in (("A", [], 0), ("B", ["--resume"], 2), ("A", ["--resume"], 0)):
        data.write_text(json.dumps({"question": "the", "choices": ["cat", "hat"], "answer": answer}) + "\n")
        assert main([*tasks, *more]) == code


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
    assert out.exists() <= (len(written(out)) >= len(TEXTS) if out.exists() else True), "nothing of it is lost"


@pytest.mark.parametrize("out", [True, False])
@pytest.mark.parametrize("err", [True, False])
def test_closed_streams_give_no_traceback(place, tmp_path, monkeypatch, out, err):
    """A result that nobody can read ends the command; what is beside it does not. Python has None for a closed one."""
    (tmp_path / "text").write_text("the cat")
    for words in (["score", "A", str(tmp_path / "text")], ["compare", "A", "A", "--text", str(tmp_path / "text")]):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", io.StringIO() if out else None)
            patch.setattr(sys, "stderr", io.StringIO() if err else None)
            assert main(typed(words, place)) == (0 if out else 141)
            assert not err or "Traceback" not in sys.stderr.getvalue()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", None)
        assert main(typed(["score", "A", "-"], place)) == 2


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
