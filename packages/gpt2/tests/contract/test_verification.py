"""`gpt2 verify` finds what is planted in a folder and names it."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

import gpt2
import gpt2.commands.main


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
    (config(eos_token_id=[7, 70_000]), "every end-of-text id is in the vocabulary", "got [7, 70000]"),
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
    assert "SHA-256 of model.safetensors" in output
    findings = gpt2.verify(folder)
    assert f"{len(findings)} of {len(findings)} claims hold" in output


def test_where_transformers_is_installed_it_is_asked_too(folder, transformers):
    held = {finding.claim for finding in gpt2.verify(folder) if finding.held and not finding.evidence}
    assert {"logits equal those of transformers", "ids equal those of transformers"} <= held


def test_no_model_is_wrong_input(tmp_path, command):
    code, _, errors = command("verify", tmp_path / "nothing")
    assert (code, "no such folder" in errors) == (2, True)
