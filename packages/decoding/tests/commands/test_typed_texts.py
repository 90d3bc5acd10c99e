"""Prompts, words and biases are typed as text, and refused where they cannot be meant."""

import io
import json
import sys

import pytest

import gpt2
from decoding import GenerationSettings, generate
from decoding.commands.main import main

SAMPLED_OPTIONS = ["--max-new-tokens", "40", "--temperature", "0.8", "--top-k", "30", "--seed", "7", "--device", "cpu"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a\n\nb\n", "wanted a prompt a line in {file}, got line 2 empty; fill or delete it"),
        (b"\na\n", "wanted a prompt a line in {file}, got line 1 empty; fill or delete it"),
        (b"", "wanted a prompt a line in {file}, got no text; write one there"),
        (b"\n\n", "wanted a prompt a line in {file}, got no text; write one there"),
        (b"abc\xff", "at offset 3"),
        (b"a\nb\n" + 2001 * "世".encode(), "tokens (the model's n_ctx), got 6003 in prompt 3 of 3; shorten it"),
    ],
)
def test_a_file_of_prompts_that_cannot_be_used_is_refused(folder, tmp_path, capsys, content, words):
    file = tmp_path / "prompts.txt"
    file.write_bytes(content)
    assert main(["generate", folder, "--prompts-file", str(file)]) == 2
    assert words.format(file=file) in capsys.readouterr().err


def test_words_are_typed_as_text(folder, capsys):
    """Banned as they stand and after a space, forced anywhere, forced at the beginning: ids of the tokenizer's."""
    model, tokenizer = gpt2.load(folder)
    ids = {word: tuple(tokenizer.encode(word)) for word in ("the", " the", "hat", "世", "and ")}
    arguments = ["generate", folder, "--prompt", "the", "--device", "cpu"]
    arguments += ["--temperature", "0", "--max-new-tokens", "12"]
    banned = {"banned": (ids["the"], ids[" the"]), "forced_prefix": ids["and "]}
    forced = {"forced_words": (ids["hat"], ids["世"]), "beams": 3}
    for options, wanted in (
        (["--banned", "the", "--forced-prefix", "and "], banned),
        (["--forced-words", "hat", "--forced-words", "世", "--beams", "3"], forced),
    ):
        assert main([*arguments, *options]) == 0
        result = generate(model, tokenizer, ["the"], GenerationSettings(max_new_tokens=12, temperature=0, **wanted))[0]
        assert capsys.readouterr().out == f"the{result.text}\n"
    assert "hat" in result.text
    assert "世" in result.text


@pytest.mark.parametrize(
    ("typed", "biases"),
    [
        ("95 -100 54 3.5", (((95,), -100.0), ((54,), 3.5))),
        ("95 3", (((95,), 3.0),)),
        ("95,54 -inf 7 1e1", (((95, 54), -float("inf")), ((7,), 10.0))),
    ],
)
def test_biases_are_typed_as_pairs(folder, capsys, typed, biases):
    arguments = ["generate", folder, "--prompt", "the", "--device", "cpu", "--max-new-tokens", "20"]
    assert main([*arguments, "--json", "--logit-bias", *typed.split()]) == 0
    settings = GenerationSettings(max_new_tokens=20, logit_bias=biases)
    expected = generate(*gpt2.load(folder), ["the"], settings)[0].ids
    assert json.loads(capsys.readouterr().out)["ids"] == list(expected)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("the 3.5", "an id and a number in --logit-bias, got the id 'the'; write 95 -100"),
        ("95 nan", "--logit-bias must be numbers or -inf, got nan for (95,)"),
        ("999999 1", "(the model's vocabulary), got 999999 in --logit-bias"),
    ],
)
def test_biases_of_no_ids_are_refused(folder, capsys, typed, words):
    assert main(["generate", folder, "--prompt", "the", "--device", "cpu", "--logit-bias", *typed.split()]) == 2
    assert words in capsys.readouterr().err


def test_prompts_may_come_on_standard_input(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"aus\nthe\n")))
    assert main(["generate", folder, "--prompts-file", "-", *SAMPLED_OPTIONS, "--json"]) == 0
    assert [json.loads(line)["prompt"] for line in capsys.readouterr().out.splitlines()] == ["aus", "the"]
