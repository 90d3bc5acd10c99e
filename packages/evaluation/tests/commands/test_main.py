"""`decoding score`, `evaluate` and `compare` say what the functions give, resume, and refuse what makes no sense."""

import io
import json
import math
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import gpt2
from decoding.commands.main import main
from evaluation import LAMBADA, compare_units, read_items, score_documents, score_items, summarise
from evaluation.commands.documents import pieces
from evaluation.commands.outputs import few
from gpt2.commands.narration import typed

TEXTS = ["Grüße aus 世界", "the cat and the hat " * 20, "x"]
CPU = ["--device", "cpu"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two models with one tokenizer."""
    tokenizer = gpt2.Tokenizer.train(TEXTS * 3, 270)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=64, n_embd=16, n_head=2, n_layer=1)
    paths = []
    for seed in (0, 1):
        model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(seed))
        for parameter in model.parameters():
            parameter.data.mul_(4)
        paths.append(str(tmp_path_factory.mktemp(f"model{seed}")))
        gpt2.save(paths[-1], model, tokenizer)
    return paths


@pytest.fixture
def texts(tmp_path):
    """A file of JSON lines, one of text."""
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in TEXTS), encoding="utf-8")
    (tmp_path / "text.txt").write_text("".join(f"line {n} of the hat\n" for n in range(500)), encoding="utf-8")
    return tmp_path


@pytest.fixture
def passages(tmp_path):
    path = tmp_path / "lambada.jsonl"
    lines = [{"text": f"{'the cat and ' * n}the {word}"} for n in range(1, 7) for word in ("hat", "世界")]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def hint(*words):
    return f"next: {typed('decoding', shlex.join(['decoding', *words]))}"


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def test_score_writes_a_line_for_each_document(folders, texts, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from outside")))
    file = str(texts / "texts.jsonl")
    assert main(["score", folders[0], file, "-", "--text", "the hat", "--stride", "20", "--tokens", *CPU]) == 0
    out, err = capsys.readouterr()
    names = ["--text 1", *(f"{file}:{n}" for n in (1, 2, 3)), "-"]
    expected = score_documents(*gpt2.load(folders[0]), ["the hat", *TEXTS, "from outside"], stride=20)
    for name, line, score in zip(names, lines_of(out), expected, strict=True):
        assert line == {
            "document": name, "model": folders[0], "stride": 20, "bytes": score.n_bytes, "tokens": score.n_tokens,
            "nats": pytest.approx(score.nats), "bits_per_byte": pytest.approx(score.bits_per_byte),
            "perplexity": pytest.approx(score.perplexity), "token_nats": pytest.approx(list(score.token_nats)),
        }  # fmt: skip
    nats, n_bytes = (sum(line[name] for line in lines_of(out)) for name in ("nats", "bytes"))
    assert f"{nats / n_bytes / math.log(2):.4f} bits per byte" in err
    assert err.splitlines()[-1] == hint("compare", folders[0], "OTHER_MODEL", "--text", file)


@pytest.mark.parametrize("count", [1, 2])
def test_one_is_singular(folders, capsys, count):
    """One document of one byte; one question."""
    assert main(["score", folders[0], *["--text", "x"] * count, *CPU]) == 0
    plural = "s" * (count > 1)
    words = f"{count} document{plural}, {count} token{plural}, {count} byte{plural}: "
    err = capsys.readouterr().err
    assert err.startswith(words)
    assert err.endswith(f"{hint('compare', folders[0], 'OTHER_MODEL', '--text', 'FILE')}\n")


@pytest.mark.parametrize("kept", [0.0, 0.4, 0.5, 1.0])
def test_an_interrupted_score_goes_on_to_the_same_file(folders, texts, capsys, kept):
    file, out = str(texts / "texts.jsonl"), texts / "scores.jsonl"
    assert main(["score", folders[0], file, "--out", str(out), *CPU]) == 0
    whole, summary = out.read_bytes(), capsys.readouterr().err
    out.write_bytes(whole[: int(kept * len(whole))])
    assert main(["score", folders[0], file, "--out", str(out), "--resume", *CPU]) == 0
    for ours, theirs in zip(lines_of(out.read_text("utf-8")), lines_of(whole.decode()), strict=True):
        assert [ours.pop("document"), ours.pop("model"), ours.pop("stride")] == list(theirs.values())[:3]
        assert ours == pytest.approx(dict(list(theirs.items())[3:]), rel=1e-5)
    assert capsys.readouterr().err == summary


def test_evaluate_prints_the_measures_of_the_task(folders, passages, capsys):
    assert main(["evaluate", folders[0], "--task", "lambada", "--data", str(passages), "--json", *CPU]) == 0
    out, err = capsys.readouterr()
    measures = summarise(list(score_items(*gpt2.load(folders[0]), read_items(LAMBADA, passages))))
    expected = {name: {"value": m.value, "low": m.low, "high": m.high} for name, m in measures.items()}
    result = json.loads(out)
    assert (result.pop("task"), result.pop("items")) == ("lambada", 12)
    assert {name: pytest.approx(value, rel=1e-5) for name, value in expected.items()} == result
    assert err == f"{hint('compare', folders[0], 'OTHER_MODEL', '--task', 'lambada', '--data', str(passages))}\n"
    assert main(["evaluate", folders[0], "--task", "lambada", "--data", str(passages), "--limit", "5", *CPU]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "lambada, 5 questions"
    assert [line.split()[0] for line in lines[1:-1]] == list(expected)
    assert lines[-1] == "only 5 questions: an interval from fewer than 30 is not to be trusted"


def test_an_interrupted_evaluation_goes_on_to_the_same_measures(folders, passages, capsys, tmp_path):
    out = tmp_path / "items.jsonl"
    command = ["evaluate", folders[0], "--task", "lambada", "--data", str(passages), "--out", str(out), *CPU]
    assert main(command) == 0
    printed, whole = capsys.readouterr().out, out.read_bytes()
    out.write_bytes(whole[: len(whole) // 2])
    assert main([*command, "--resume"]) == 0
    assert (capsys.readouterr().out, len(lines_of(out.read_text()))) == (printed, 12)


def test_wikitext_gives_each_perplexity_under_its_name(folders, tmp_path, capsys):
    (tmp_path / "wiki.txt").write_text(" = The cat = \n\n the cat , and the hat . \n", encoding="utf-8")
    command = ["evaluate", folders[0], "--task", "wikitext2", "--data", str(tmp_path / "wiki.txt"), *CPU]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["raw", "raw_words", "published"]
    assert lines[4].startswith("100.0% of the lines come back")
    assert main([*command, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"task", "restored_lines", "raw", "raw_words", "published"}


@pytest.mark.parametrize("in_workspace", [False, True])
def test_the_next_command_may_be_typed_as_it_stands(folders, tmp_path, capsys, monkeypatch, in_workspace):
    """In the workspace or elsewhere, with all files, their spaces, and what says which questions they are."""
    monkeypatch.chdir(tmp_path)
    if in_workspace:
        (tmp_path / "uv.lock").touch()
        (tmp_path / "packages" / "gpt2").mkdir(parents=True)
    decoding = "uv run --package decoding decoding" if in_workspace else "decoding"
    model = folders[0]
    Path("a b.jsonl").write_text('{"body": "the cat and the hat", "text": "the cat and the hat"}\n' * 3)
    Path("c.jsonl").write_text('{"body": "the hat", "text": "the hat"}\n')
    questions = ["--task", "lambada", "--data", "a b.jsonl", "--limit", "2"]
    for arguments, expected in (
        (["score", model, "a b.jsonl", "c.jsonl", "--field", "body"],
         f"compare {model} OTHER_MODEL --text 'a b.jsonl' --text c.jsonl --field body"),
        (["evaluate", model, *questions], f"compare {model} OTHER_MODEL {shlex.join(questions)}"),
        (["compare", model, model, *questions], f"evaluate {model} {shlex.join(questions)}"),
        (["compare", model, model, "--text", "a b.jsonl", "--text", "c.jsonl"], f"score {model} 'a b.jsonl' c.jsonl"),
        (["evaluate", model, "--task", "wikitext2", "--data", "a b.jsonl"], f"score {model} 'a b.jsonl'"),
    ):  # fmt: skip
        assert main([*arguments, *CPU]) == 0
        assert capsys.readouterr().err.splitlines()[-1] == f"next: {decoding} {expected}"


def test_few_units_are_no_ground_for_an_interval():
    assert [len(few(count, "piece")) for count in (1, 2, 29, 30)] == [0, 1, 1, 0]


def test_compare_pairs_the_pieces_of_a_text(folders, texts, capsys):
    file = str(texts / "text.txt")
    assert main(["compare", *folders, "--text", file, "--json", *CPU]) == 0
    units = list(pieces((texts / "text.txt").read_text("utf-8")))
    bits = [[score.nats / math.log(2) for score in score_documents(*gpt2.load(folder), units)] for folder in folders]
    expected = compare_units(*bits, [len(unit.encode()) for unit in units])
    result = json.loads(capsys.readouterr().out)
    assert result["difference"]["value"] == pytest.approx(expected.difference.value, rel=1e-4)
    assert result["p_value"] == pytest.approx(expected.p_value)
    assert result["first"]["value"] - result["second"]["value"] == pytest.approx(result["difference"]["value"])
    assert main(["compare", *folders, "--text", file, "--limit", "2", *CPU]) == 0
    assert capsys.readouterr().out.startswith("bits per byte (fewer are better) on 2 pieces of text\nA  ")


def test_a_model_compared_with_itself_ties_everywhere(folders, passages, capsys):
    command = ["compare", folders[0], folders[0], "--task", "lambada", "--data", str(passages), "--json", *CPU]
    assert main(command) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["ties"], result["p_value"], result["difference"]["value"]) == (12, 1.0, 0.0)


def test_pieces_lose_nothing_and_end_at_line_ends():
    text = "".join(f"{'é' * (n % 40)}\n" for n in range(200)) + "end"
    parts = list(pieces(text, 100))
    assert "".join(parts) == text
    assert all(part.endswith("\n") and len(part.encode()) >= 100 for part in parts[:-1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["score", "MODEL"], "wanted texts to score, got none; give files"),
        (["score", "MODEL", "/no/such/file"], "wanted a file of text, got /no/such/file: No such file"),
        (["score", "MODEL", "EMPTY"], "wanted a text to score, got an empty one in"),
        (["score", "MODEL", "--text", " "], "got an empty one in --text 1; fill it or leave it out"),
        (["score", "MODEL", "--text", "\udcff"], "wanted a text in UTF-8, got other bytes in --text 1"),
        (["score", "MODEL", "BYTES"], "got other bytes at offset 1; convert the file"),
        (["score", "MODEL", "LINES", "--field", "body"], "wanted a text under 'body'"),
        (["score", "MODEL", "NOJSON"], ":1: wanted a JSON object, got 'word'"),
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
        (["evaluate", "MODEL", "--task", "choice"], "wanted a file of your questions, got none; give --data"),
        (["evaluate", "MODEL", "--task", "lambada", "--data", "NOJSON"], "line 1: wanted a JSON object"),
        (["evaluate", "MODEL", "--task", "lambada", "--data", "EMPTY"], "wanted at least one line of lambada"),
        (["evaluate", "MODEL", "--task", "lambada", "--data", "LINES", "--limit", "0"], "wanted a limit of at least 1"),
        (["evaluate", "MODEL", "--task", "wikitext2", "--data", "LINES", "--limit", "1"], "wanted no --limit"),
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
    assert err.startswith("decoding: ")
    assert words in err


@pytest.mark.parametrize("name", ["score", "evaluate", "compare"])
def test_help_names_units_and_needs_no_torch(name):
    program = "import sys; from decoding.commands.main import main\ntry: main()\nexcept SystemExit as e: code = e.code"
    result = subprocess.run(
        [sys.executable, "-c", f"{program}\nprint(code, 'torch' in sys.modules)", name, "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout.splitlines()[-1] == "0 False"
    assert "okens from one window to the next" in " ".join(result.stdout.replace("│", " ").split())
