"""`evaluation score` says what the functions give, and resumes."""

import io
import math
import sys

import pytest

import gpt2
from evaluation import score_documents, three_ways
from evaluation.commands.main import main

TEXTS = ["Grüße aus 世界", "the cat and the hat " * 20, "x"]
CPU = ["--device", "cpu"]


def test_score_writes_a_line_for_each_document(folders, texts, capsys, monkeypatch, hint, lines_of):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from outside")))
    file = str(texts / "texts.jsonl")
    assert main(["score", folders[0], file, "-", "--text", "the hat", "--stride", "20", "--tokens", *CPU]) == 0
    out, err = capsys.readouterr()
    names = ["--text 1", *(f"{file}:{n}" for n in (1, 2, 3)), "-"]
    expected = score_documents(*gpt2.load(folders[0]), ["the hat", *TEXTS, "from outside"], stride=20)
    for name, line, score in zip(names, lines_of(out), expected, strict=True):
        assert line.pop("content").startswith("sha256:")
        assert line == {
            "document": name, "model": folders[0], "fingerprint": gpt2.fingerprint(folders[0]), "stride": 20,
            "bytes": score.n_bytes, "tokens": score.n_tokens,
            "nats": pytest.approx(score.nats), "bits_per_byte": pytest.approx(score.bits_per_byte),
            "perplexity": pytest.approx(score.perplexity), "token_nats": pytest.approx(list(score.token_nats)),
        }  # fmt: skip
    nats, n_bytes = (sum(line[name] for line in lines_of(out)) for name in ("nats", "bytes"))
    assert f"{nats / n_bytes / math.log(2):.4f} bits per byte" in err
    assert err.splitlines()[-1] == hint("compare", folders[0], "OTHER_MODEL", "--text", file)


def test_three_ways_are_three_columns(folders, capsys, lines_of):
    assert main(["score", folders[0], "--text", TEXTS[1], "--text", TEXTS[0], "--ways", *CPU]) == 0
    out, err = capsys.readouterr()
    model, tokenizer = gpt2.load(folders[0])
    lines = lines_of(out)
    for line, text in zip(lines, (TEXTS[1], TEXTS[0]), strict=True):
        ids = [tokenizer.end_of_text, *tokenizer.encode(text)]
        expected = three_ways(model, ids, len(text.encode()))
        assert (line["plain"], line["strided"], line["dynamic"]) == pytest.approx(
            (expected.plain, expected.strided, expected.dynamic), rel=1e-5
        )
        assert line["strided"] == pytest.approx(line["bits_per_byte"], rel=1e-5)
    n_bytes = sum(line["bytes"] for line in lines)
    whole = sum(line["dynamic"] * line["bytes"] for line in lines) / n_bytes
    assert f"dynamic {whole:.4f}" in err


@pytest.mark.parametrize("count", [1, 2])
def test_one_is_singular(folders, capsys, hint, count):
    """One document of one byte; one question."""
    assert main(["score", folders[0], *["--text", "x"] * count, *CPU]) == 0
    plural = "s" * (count > 1)
    words = f"{count} document{plural}, {count} token{plural}, {count} byte{plural}: "
    err = capsys.readouterr().err
    assert err.startswith(words)
    assert err.endswith(f"{hint('compare', folders[0], 'OTHER_MODEL', '--text', 'FILE')}\n")


@pytest.mark.parametrize("kept", [0.0, 0.4, 0.5, 1.0])
def test_an_interrupted_score_goes_on_to_the_same_file(folders, texts, capsys, lines_of, kept):
    file, out = str(texts / "texts.jsonl"), texts / "scores.jsonl"
    assert main(["score", folders[0], file, "--out", str(out), *CPU]) == 0
    whole, summary = out.read_bytes(), capsys.readouterr().err
    out.write_bytes(whole[: int(kept * len(whole))])
    assert main(["score", folders[0], file, "--out", str(out), "--resume", *CPU]) == 0
    for ours, theirs in zip(lines_of(out.read_text("utf-8")), lines_of(whole.decode()), strict=True):
        names = ("document", "model", "fingerprint", "stride", "content")
        assert [ours.pop(name) for name in names] == [theirs.pop(name) for name in names]
        assert ours == pytest.approx(theirs, rel=1e-5)
    assert capsys.readouterr().err == summary
