"""A model's fingerprint follows its content, not its path, its size or its times."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

import gpt2

CONFIG = gpt2.GPT2Config(n_vocab=257, n_ctx=8, n_embd=8, n_head=2, n_layer=1)


@pytest.fixture
def folder(tmp_path):
    model = gpt2.GPT2(CONFIG, generator=torch.Generator().manual_seed(0))
    gpt2.save(tmp_path / "model", model, gpt2.Tokenizer({bytes([byte]): byte for byte in range(256)}))
    return tmp_path / "model"


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def test_a_copy_has_the_same_and_a_run_folder_that_of_its_model(folder, tmp_path):
    before = gpt2.fingerprint(folder)
    assert set(before) == {"weights", "config", "tokenizer"}
    shutil.copytree(folder, tmp_path / "copy")
    assert gpt2.fingerprint(tmp_path / "copy") == before == gpt2.fingerprint(tmp_path)


@pytest.mark.parametrize("ours", [True, False], ids=["checksum in the header", "of another tool"])
@pytest.mark.parametrize("shard_bytes", [10**9, 2000])
def test_one_changed_number_is_seen_in_a_file_of_the_same_size(folder, ours, shard_bytes):
    model, tokenizer = gpt2.load(folder)
    prints = []
    for number in (0.25, 0.5):
        with torch.no_grad():
            model.final_norm.weight[0] = number
        gpt2.save(folder, model, tokenizer, shard_bytes=shard_bytes)
        for path in [] if ours else sorted(folder.glob("*.safetensors")):
            save_file(load_file(path), path, metadata={"format": "pt"})
        sizes = [path.stat().st_size for path in sorted(folder.glob("*.safetensors"))]
        prints.append((gpt2.fingerprint(folder), sizes))
    (before, sizes), (after, same_sizes) = prints
    assert len(sizes) > 1 or shard_bytes > 2000
    assert (changed(before, after), sizes) == ({"weights"}, same_sizes)


def test_configuration_and_tokenizer_are_part_of_it(folder):
    before = gpt2.fingerprint(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"n_head": 4}))
    assert changed(before, gpt2.fingerprint(folder)) == {"config"}
    ranks = {bytes([byte]): (byte + 1) % 256 for byte in range(256)}
    gpt2.Tokenizer(ranks).save(folder, n_ctx=8)
    assert changed(before, gpt2.fingerprint(folder)) == {"config", "tokenizer"}


def test_what_is_no_model_is_refused_as_by_load(folder):
    (folder / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(ValueError, match=r"wanted a safetensors file, got: .*; copy or save the model again"):
        gpt2.fingerprint(folder)
    with pytest.raises(ValueError, match="wanted a model folder"):
        gpt2.fingerprint(folder / "none")
