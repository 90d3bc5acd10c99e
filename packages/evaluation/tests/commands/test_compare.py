"""`evaluation compare` pairs what both models say to the same pieces of text, or to the same questions."""

import json
import math

import pytest

import gpt2
from evaluation import compare_units, score_documents
from evaluation.commands.documents import pieces
from evaluation.commands.main import main

CPU = ["--device", "cpu"]


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
