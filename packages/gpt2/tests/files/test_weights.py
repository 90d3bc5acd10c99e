"""The weights on disk: in one file or in shards, the same bytes every time, and every flipped bit is noticed."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import gpt2


def test_shards_go_both_ways(model, tokenizer, tokens, tmp_path, transformers):
    gpt2.save(tmp_path / "ours", model, tokenizer, shard_bytes=40_000)
    assert len(list((tmp_path / "ours").glob("model-*-of-*.safetensors"))) > 3
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "ours").eval()
    torch.testing.assert_close(theirs(tokens).logits, model(tokens), atol=1e-5, rtol=0)
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size="40KB")
    tokenizer.save(tmp_path / "theirs", n_ctx=24)
    assert not (tmp_path / "theirs" / "model.safetensors").exists()
    back, _ = gpt2.load(tmp_path / "theirs")
    assert all(torch.equal(a, b) for a, b in zip(back.parameters(), model.parameters(), strict=True))
    gpt2.save(tmp_path / "ours", model, tokenizer)  # whole again: no stale shard stays behind
    assert [path.name for path in (tmp_path / "ours").glob("model*")] == ["model.safetensors"]


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "a/b.safetensors", "..", "x.bin"])
def test_an_index_that_leads_out_of_the_folder_is_refused(name, model, tokenizer, tmp_path):
    gpt2.save(tmp_path, model, tokenizer, shard_bytes=40_000)
    path = tmp_path / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    index["weight_map"]["transformer.wpe.weight"] = name
    path.write_text(json.dumps(index))
    with pytest.raises(ValueError, match="wanted names of safetensors files beside it"):
        gpt2.load(tmp_path)


def test_shards_and_index_that_disagree_are_refused(model, tokenizer, tmp_path):
    gpt2.save(tmp_path, model, tokenizer, shard_bytes=40_000)
    path = tmp_path / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    index["weight_map"].pop("transformer.wpe.weight")
    path.write_text(json.dumps(index))
    with pytest.raises(ValueError, match=r"wanted the tensors that .* transformer.wpe.weight"):
        gpt2.load(tmp_path)
    path.write_text("{}")
    with pytest.raises(ValueError, match="wanted an index with a weight_map"):
        gpt2.load(tmp_path)


def test_every_flipped_bit_is_noticed(model, tokenizer, tmp_path):
    gpt2.save(tmp_path, model, tokenizer)
    path = tmp_path / "model.safetensors"
    whole = path.read_bytes()
    for place in np.random.default_rng(0).integers(len(whole), size=40):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(place) % 8
        path.write_bytes(damaged)
        try:
            loaded, _ = gpt2.load(tmp_path)
        except ValueError:
            continue
        # In the header a bit may change what means nothing: the checksum's own name.
        assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), model.parameters(), strict=True))
        assert place < 8 + int.from_bytes(whole[:8], "little")


def test_the_same_model_gives_the_same_bytes_in_every_process(model, tokenizer, tmp_path):
    for name in "abcdef":  # safetensors' own order differs from one file to the next
        gpt2.save(tmp_path / name, model, tokenizer)
    code = "import sys, gpt2; gpt2.save(sys.argv[2], *gpt2.load(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, tmp_path / "a", tmp_path / "elsewhere"], check=True)
    contents = {path.read_bytes() for path in tmp_path.glob("*/model.safetensors")}
    assert len(contents) == 1


def test_a_dtype_on_disk_is_that_of_transformers(model, tokenizer, tmp_path, transformers):
    gpt2.save(tmp_path, model, tokenizer, dtype=torch.bfloat16)
    assert transformers.AutoModelForCausalLM.from_pretrained(tmp_path).dtype == torch.bfloat16


def test_dtypes_are_converted_both_ways(model, tokenizer, tmp_path):
    gpt2.save(tmp_path, model, tokenizer, dtype=torch.bfloat16)
    assert {t.dtype for t in load_file(tmp_path / "model.safetensors").values()} == {torch.bfloat16}
    back, _ = gpt2.load(tmp_path)
    assert all(torch.equal(a, b.bfloat16().float()) for a, b in zip(back.parameters(), model.parameters(), strict=True))
    assert next(gpt2.load(tmp_path, dtype=torch.bfloat16)[0].parameters()).dtype == torch.bfloat16
    with torch.no_grad():
        model.position_embedding.weight[0, 0] = 1e6
    with pytest.raises(ValueError, match=r"wanted one that holds every weight.*position_embedding"):
        gpt2.save(tmp_path, model, tokenizer, dtype=torch.float16)
    with pytest.raises(ValueError, match="floating-point"):
        gpt2.save(tmp_path, model, tokenizer, dtype=torch.int8)
