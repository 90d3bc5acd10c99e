"""`verify` finds what is planted in a folder and names it; `inspect` and `tokens` show what is there."""

import ast
import json
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

import gpt2
import gpt2.commands.main


@pytest.fixture
def folder(model, tokenizer, tmp_path):
    gpt2.save(tmp_path / "model", model, tokenizer)
    return tmp_path / "model"


@pytest.fixture
def command(monkeypatch, capsys):
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gpt2", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            gpt2.commands.main.main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return call


def edit(path, change):
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def config(**changes):
    return lambda folder: edit(folder / "config.json", lambda content: content.update(changes))


def tensors(change):
    def plant(folder):
        held = load_file(folder / "model.safetensors")
        change(held)
        save_file({name: tensor.contiguous() for name, tensor in held.items()}, folder / "model.safetensors")

    return plant


def flipped_bit(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1000] ^= 4
    path.write_bytes(content)


def swapped_merges(folder):
    def swap(content):
        merges = content["model"]["merges"]
        merges[3], merges[4] = merges[4], merges[3]

    edit(folder / "tokenizer.json", swap)


def other_ids(folder):
    def swap(content):
        ids = content["model"]["vocab"]
        ids["a"], ids["b"] = ids["b"], ids["a"]

    edit(folder / "tokenizer.json", swap)


def transpose(held):
    name = "transformer.h.0.mlp.c_fc.weight"
    held[name] = held[name].T


def not_a_number(held):
    held["transformer.h.1.ln_1.weight"][3] = float("nan")


NAMES = "tensors have the published names and shapes, the head is tied"
DEFECTS = [
    (config(activation_function="gelu"), "GELU is the tanh form", "found exact GELU"),
    (config(layer_norm_epsilon=1e-6), "the norms' epsilon is 1e-5", "found an epsilon of 1e-06"),
    (tensors(lambda t: t.update({"lm_head.weight": torch.ones(300, 32)})), NAMES, "lm_head.weight"),
    (tensors(transpose), NAMES, "h.0.mlp.c_fc.weight has shape (128, 32)"),
    (tensors(lambda t: t.pop("transformer.h.2.ln_1.bias")), NAMES, "missing h.2.ln_1.bias"),
    (tensors(not_a_number), "every weight is finite", "transformer.h.1.ln_1.weight"),
    (flipped_bit, "files are as they were saved (checksums)", "got changed ones"),
    (swapped_merges, "the vocabulary's files agree", "wanted merge 3"),
    (other_ids, "the vocabulary's files agree", "wanted the tokens of vocab.json"),
    (config(eos_token_id=7), "the end-of-text id is the tokenizer's", "got 7"),
    (config(scale_attn_weights=False), "config.json describes a GPT-2", "scale_attn_weights"),
]


@pytest.mark.parametrize(("plant", "claim", "evidence"), DEFECTS)
def test_what_is_planted_is_found_and_named(plant, claim, evidence, folder, command):
    plant(folder)
    code, output, _ = command("verify", folder)
    broken = [line for line in output.splitlines() if line.startswith("BROKEN")]
    assert code == 1
    assert any(claim in line and evidence in line for line in broken), output


def test_a_whole_model_keeps_every_claim(folder, command):
    code, output, _ = command("verify", folder)
    assert code == 0, output
    assert "BROKEN" not in output
    for claim in (
        "SHA-256 of model.safetensors",
        "logits equal those of transformers",
        "ids equal those of transformers",
    ):
        assert claim in output
    findings = gpt2.verify(folder)
    assert f"{len(findings)} of {len(findings)} claims hold" in output


def test_no_model_is_wrong_input(tmp_path, command):
    code, _, errors = command("verify", tmp_path / "nothing")
    assert (code, "no such folder" in errors) == (2, True)


def test_inspect_counts_every_parameter_once(folder, model, command):
    code, output, _ = command("inspect", folder)
    assert code == 0
    lines = {line[:20].strip(): line[20:].split() for line in output.splitlines() if line.strip()}
    parts = ("token embedding", "position embedding", "attention, in", "attention, out")
    parts += ("feed-forward, up", "feed-forward, down", "norms")
    counts = [int(lines[part][0].replace(",", "")) for part in parts]
    assert sum(counts) == sum(p.numel() for p in model.parameters()) == int(lines["in all"][0].replace(",", ""))
    weight = model.token_embedding.weight.detach()
    low, high, deviation = map(float, lines["token embedding"][2:])
    assert (low, high) == pytest.approx((float(weight.min()), float(weight.max())), abs=1e-4)
    assert deviation == pytest.approx(float(weight.std(correction=0)), abs=1e-4)
    assert "float32" in output


def test_tokens_are_listed_with_their_bytes(folder, tokenizer, command):
    text = "the naïve 漢\x1b[2J"
    code, output, _ = command("tokens", text, "--tokenizer", folder)
    rows = [line.split("\t") for line in output.splitlines()]
    assert code == 0
    assert [int(row[0]) for row in rows] == tokenizer.encode(text)
    for i, start, end, piece in rows:
        data = ast.literal_eval(piece)
        assert text.encode()[int(start) : int(end)] == tokenizer.decode_bytes([int(i)])
        assert (data if isinstance(data, bytes) else data.encode()) == tokenizer.decode_bytes([int(i)])
    assert any(row[3].startswith("b'") for row in rows), "a part of a character"
    assert "\x1b" not in output


def test_tokens_without_the_published_vocabulary_name_the_option(command, monkeypatch):
    def unreachable(name):
        raise ConnectionError

    monkeypatch.setattr("tiktoken.get_encoding", unreachable)
    code, _, error = command("tokens", "hello")
    assert code == 2
    assert "published vocabulary: wanted tiktoken's cached copy or its download, got ConnectionError" in error
    assert error.endswith(": --tokenizer DIR, such as RUN/model\n")


def test_a_terminal_gets_colours_and_no_control_characters(folder, tokenizer, command, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    _, output, _ = command("tokens", "the cat\x1b[2J\r", "--tokenizer", folder)
    assert "\x1b[44;30m" in output
    assert "\x1b[2J" not in output
    assert "\r" not in output
    assert "12 bytes" in output
