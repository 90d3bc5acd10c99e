"""The command `evaluation` refuses what makes no sense, says what to type next, and is interrupted without a loss."""

import shlex
from pathlib import Path

import pytest

from evaluation.commands.main import main

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
        ("tasks x", "Missing from evaluation tasks: --task "),
        ("compare x", "Missing from evaluation compare: MODEL_B The second model."),
    ],
)  # fmt: skip
def test_wrong_arguments_exit_with_2_and_one_line(arguments, line, capsys):
    assert main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"evaluation: {line}")
