"""A model folder that is not what it says is refused, with what is wrong."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

import gpt2


@pytest.fixture
def folder(model, tokenizer, tmp_path):
    gpt2.save(tmp_path / "model", model, tokenizer)
    return tmp_path / "model"


def change_config(folder, **changes):
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(content | changes))


def change_tensors(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "model.safetensors").unlink(), ["without model.safetensors"]),
        (lambda f: (f / "merges.txt").unlink(), ["without vocab.json, merges.txt"]),
        (lambda f: (f / "config.json").unlink(), ["wanted a model folder", "a folder without them"]),
        (lambda f: change_config(f, activation_function="relu"), ["activation_function", "gelu_new", "another|other"]),
        (lambda f: change_config(f, tie_word_embeddings=False), ["tie_word_embeddings", "got False"]),
        (lambda f: change_config(f, n_inner=7), ["n_inner", "got 7"]),
        (lambda f: change_config(f, n_positions=25), ["wpe.weight has shape (24, 32) instead of (25, 32)"]),
        (lambda f: change_tensors(f, lambda t: t.pop("transformer.h.1.ln_2.bias")), ["missing h.1.ln_2.bias"]),
        (
            lambda f: change_tensors(f, lambda t: t.update({"transformer.h.9.x": torch.ones(2)})),
            ["unexpected h.9.x (2,)"],
        ),
        (
            lambda f: change_tensors(f, lambda t: t.update({"lm_head.weight": torch.ones(300, 32)})),
            ["lm_head.weight", "tied"],
        ),
        (
            lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-100]),
            ["wanted a safetensors file"],
        ),
    ],
)
def test_damaged_folders_are_refused(folder, damage, words):
    damage(folder)
    with pytest.raises(ValueError, match="wanted") as error:
        gpt2.load(folder)
    assert all(any(part in str(error.value) for part in word.split("|")) for word in words), error.value


def test_no_such_folder(tmp_path):
    with pytest.raises(ValueError, match="no such folder"):
        gpt2.load(tmp_path / "nothing")


def test_a_model_smaller_than_its_tokenizer_is_not_saved(tokenizer, tmp_path):
    small = gpt2.GPT2(gpt2.GPT2Config(n_vocab=100, n_ctx=8, n_embd=8, n_head=2, n_layer=1))
    with pytest.raises(ValueError, match="at most the model's 100 ids"):
        gpt2.save(tmp_path / "model", small, tokenizer)
    assert not (tmp_path / "model").exists()


def test_no_pickle_is_written(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "generation_config.json",
        "merges.txt",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
    ]
