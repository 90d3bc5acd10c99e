"""A model folder that is not what it says is refused, with what is wrong."""

import copy
import json
import os

import pytest
import torch
from safetensors.torch import load_file, save_file

import gpt2
from workbench import lay_out, recorded_disk, spell


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
        (lambda f: change_config(f, n_layer=10**9), ["1000000000 layers", "do config.json and the weights belong"]),
        (lambda f: change_config(f, n_embd=4 * 10**9), ["instead of"]),
        (lambda f: change_config(f, attn_pdrop=0.1), ["one dropout", "attn_pdrop 0.1", "resid_pdrop 0.0"]),
        (lambda f: change_config(f, embd_pdrop=0.1, resid_pdrop=0.1), ["one dropout", "attn_pdrop 0.0"]),
        (
            lambda f: change_tensors(f, lambda t: t.update({n: v.to(torch.int32) for n, v in t.items()})),
            ["floating-point weights", "torch.int32"],
        ),
        (lambda f: (f / "config.json").write_text("[" * 10**5), ["wanted a JSON object"]),
        (lambda f: (f / "config.json").write_text("[1]"), ["wanted a JSON object"]),
        (lambda f: (f / "tokenizer.json").write_text("[" * 10**5), ["wanted a JSON object"]),
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


@pytest.mark.parametrize("inside", ["", "adapter"])
def test_an_adapter_alone_is_told_how_to_become_a_model(tmp_path, inside):
    place = tmp_path / inside
    place.mkdir(exist_ok=True)
    (place / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=f"got an adapter, .*; merge them: `finetuning merge {tmp_path} --out DIR`"):
        gpt2.load(tmp_path)


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


def test_a_save_that_is_cut_short_leaves_the_earlier_model_whole(folder, model, topics, monkeypatch):
    """Wherever it ends: weights and tokenizer are both old or both new."""
    before, (_, old) = {path.name: path.read_bytes() for path in folder.iterdir()}, gpt2.load(folder)
    new = gpt2.Tokenizer.train(topics[20:30], 300)
    assert new.fingerprint != old.fingerprint
    writers = ("gpt2.files.folder.save_model", "gpt2.tokenizer.tokenizer.write_vocabulary", "shutil.copy2")
    (folder / "notes.md").write_text("mine")
    for name in writers:
        with monkeypatch.context() as patch:

            def killed(*args, **kwargs):
                raise KeyboardInterrupt

            patch.setattr(name, killed)
            with pytest.raises(KeyboardInterrupt):
                gpt2.save(folder, model, new)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before | {"notes.md": b"mine"}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_model_saved_over_another_keeps_what_is_not_the_models(folder, model, tokenizer):
    (folder / "README.md").write_text("mine")
    (folder / "pictures").mkdir()
    (folder / "pictures" / "a.png").write_bytes(b"png")
    (folder / "added_tokens.json").write_text('{"<|old|>": 300}')  # the earlier tokenizer's
    link = folder.with_name("link")
    link.symlink_to(folder)
    gpt2.save(link, model, tokenizer, shard_bytes=20_000)
    assert link.is_symlink()
    assert (folder / "README.md").read_text() == "mine"
    assert (folder / "pictures" / "a.png").read_bytes() == b"png"
    assert not (folder / "model.safetensors").exists()
    again, its = gpt2.load(folder)
    assert its.fingerprint == tokenizer.fingerprint
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), model.parameters(), strict=True))
    gpt2.save(folder, model, tokenizer)
    assert not list(folder.glob("model-*"))


KILLED = """
import sys, gpt2
model, _ = gpt2.load(sys.argv[1])
tokenizers = [gpt2.Tokenizer.load(folder) for folder in sys.argv[2:]]
print("ready", flush=True)
while True:
    for value, tokenizer in enumerate(tokenizers):
        for parameter in model.parameters():
            parameter.data.fill_(value)
        gpt2.save(sys.argv[1], model, tokenizer)
"""


@pytest.mark.slow
def test_killed_at_any_moment_no_weights_have_another_tokenizer(folder, model, tokenizer, topics, tmp_path):
    """Saved over and over, each time with the other of two tokenizers and weights that say which."""
    import random
    import subprocess
    import sys
    import time

    new, draw = gpt2.Tokenizer.train(topics[20:30], 300), random.Random(0)
    for name, one in (("old", tokenizer), ("new", new)):
        one.save(tmp_path / name, n_ctx=24)
    said = {}
    for _ in range(3):
        words = [sys.executable, "-c", KILLED, str(folder), str(tmp_path / "old"), str(tmp_path / "new")]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(draw.uniform(0.05, 0.3))
            process.kill()
        if not folder.exists():  # killed between two renames: the earlier one lies beside, whole
            [kept] = folder.parent.glob(".model.part-*-replaced")
            kept.rename(folder)
        weights, its = gpt2.load(folder)
        said.setdefault(next(weights.parameters()).flatten()[0].item(), set()).add(its.fingerprint)
    assert all(len(fingerprints) == 1 for fingerprints in said.values()), said


@pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")
def test_saved_over_another_it_is_wholly_the_old_or_the_new_at_each_moment(model, tokenizer, topics, tmp_path):
    """Killed, or the power failed: never the weights of one with the tokenizer of the other."""
    new, folder, found = gpt2.Tokenizer.train(topics[20:30], 300), tmp_path / "models" / "mine", []
    gpt2.save(folder, model, tokenizer)
    other = copy.deepcopy(model)
    for parameter in other.parameters():
        parameter.data.fill_(1.0)
    with recorded_disk(folder.parent) as disk:
        gpt2.save(folder, other, new)
    if not any(call.startswith("exchange") for call in disk.calls) or any("rename" in call for call in disk.calls):
        pytest.skip("this kernel or file system has no RENAME_EXCHANGE")
    for number, content in enumerate(disk.moments()):
        lay_out(content, tmp_path / str(number))
        weights, its = gpt2.load(tmp_path / str(number) / "mine")
        found.append((bool(next(weights.parameters()).eq(1.0).all()), its.fingerprint))
    assert set(found) == {(False, tokenizer.fingerprint), (True, new.fingerprint)}
    for content in disk.finally_there():
        assert found[disk.moments().index(content)] == (True, new.fingerprint)
