"""A model folder that is not what it says is refused, with what is wrong."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

import gpt2
from workbench import spell


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


@pytest.mark.extras
def test_ctranslate2_converts_the_folder_and_writes_the_same_greedy_ids(tmp_path):
    """Another tool's own converter takes our folder as it is; that it needs `transformers` is its own affair."""
    ctranslate2 = pytest.importorskip("ctranslate2", reason="no wheel of ctranslate2 for this platform")
    from ctranslate2.converters import TransformersConverter

    tokenizer = gpt2.Tokenizer.train(["the cat and the hat and the bat " * 20], 270)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=64, n_embd=32, n_head=4, n_layer=2)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5)  # far from uniform: no two logits are close
    gpt2.save(tmp_path / "ours", model, tokenizer)
    TransformersConverter(str(tmp_path / "ours")).convert(str(tmp_path / "theirs"))
    theirs = ctranslate2.Generator(str(tmp_path / "theirs"), device="cpu", compute_type="float32")
    for prompt in ([5, 17, 200, 31], [97], [1, 2, 3]):
        names = [spell(tokenizer.decode_bytes([i])) for i in prompt]
        result = theirs.generate_batch(
            [names], max_length=40, sampling_topk=1, include_prompt_in_result=False, end_token=[]
        )[0]
        ids = list(prompt)
        with torch.inference_mode():
            for _ in range(40):
                ids.append(int(model(torch.tensor([ids]), last_only=True).argmax()))
        got = list(result.sequences_ids[0])
        assert len(got) == 40
        assert got == ids[len(prompt) :]
