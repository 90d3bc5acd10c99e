"""Models in other tools' formats are read to the same logits; what is hostile, torn or changed is refused."""

import json
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

import gpt2
from gpt2.files.names import to_published

from ..conftest import CONFIG

LINEAR = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


class NanoBlock(nn.Module):
    """A block in nanoGPT's layout: its names, `nn.Linear` projections, exact GELU, biases or none."""

    def __init__(self, c: int, bias: bool) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(c, bias=bias), nn.LayerNorm(c, bias=bias)
        self.attn = nn.ModuleDict({"c_attn": nn.Linear(c, 3 * c, bias), "c_proj": nn.Linear(c, c, bias)})
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(c, 4 * c, bias), "c_proj": nn.Linear(4 * c, c, bias)})

    def forward(self, x):
        q, k, v = (
            part.unflatten(-1, (CONFIG.n_head, -1)).transpose(1, 2)
            for part in self.attn["c_attn"](self.ln_1(x)).chunk(3, dim=-1)
        )
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn["c_proj"](y.transpose(1, 2).flatten(2))
        return x + self.mlp["c_proj"](functional.gelu(self.mlp["c_fc"](self.ln_2(x))))


class NanoGPT(nn.Module):
    def __init__(self, bias: bool) -> None:
        super().__init__()
        c = CONFIG.n_embd
        blocks = nn.ModuleList(NanoBlock(c, bias) for _ in range(CONFIG.n_layer))
        embeddings = {"wte": nn.Embedding(CONFIG.n_vocab, c), "wpe": nn.Embedding(CONFIG.n_ctx, c)}
        self.transformer = nn.ModuleDict({**embeddings, "h": blocks, "ln_f": nn.LayerNorm(c, bias=bias)})
        self.lm_head = nn.Linear(c, CONFIG.n_vocab, bias=False)
        self.lm_head.weight = self.transformer["wte"].weight

    def forward(self, tokens):
        x = self.transformer["wte"](tokens) + self.transformer["wpe"](torch.arange(tokens.shape[1]))
        for block in self.transformer["h"]:
            x = block(x)
        return self.lm_head(self.transformer["ln_f"](x))


def nano_arguments(bias: bool) -> dict:
    shape = {name: getattr(CONFIG, name) for name in ("n_embd", "n_head", "n_layer")}
    return {**shape, "block_size": CONFIG.n_ctx, "vocab_size": CONFIG.n_vocab, "dropout": 0.0, "bias": bias}


def nano_checkpoint(path: Path, model: NanoGPT, bias: bool, prefix: str = "", change=lambda state: None) -> Path:
    state = {prefix + name: tensor for name, tensor in model.state_dict().items()}
    change(state)
    extra = {
        "iter_num": 10,
        "best_val_loss": torch.tensor(1.5),
        "config": {"device": "cpu"},
        "optimizer": {"state": {}},
    }
    torch.save({"model": state, "model_args": nano_arguments(bias)} | extra, path)
    return path


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("prefix", ["", "_orig_mod."])
def test_a_nanogpt_checkpoint_gives_the_same_logits(bias, prefix, tokenizer, tokens, tmp_path):
    torch.manual_seed(0)
    theirs = NanoGPT(bias)
    path = nano_checkpoint(tmp_path / "ckpt.pt", theirs, bias, prefix)
    ours, its_tokenizer = gpt2.load(path, tokenizer=tokenizer)
    torch.testing.assert_close(ours(tokens), theirs(tokens), atol=2e-5, rtol=0)
    assert its_tokenizer is tokenizer
    gpt2.save(tmp_path / "folder", ours, tokenizer)  # the exact GELU stays in the folder, and in what opens it
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "folder").eval()
    torch.testing.assert_close(again(tokens).logits, theirs(tokens), atol=2e-5, rtol=0)


def test_a_nanogpt_checkpoint_without_some_of_its_biases_is_refused(tokenizer, tmp_path):
    model = NanoGPT(bias=True)

    def drop(state):
        state.pop("transformer.h.1.mlp.c_fc.bias")

    for bias in (True, False):
        with pytest.raises(ValueError, match=r"wanted the .*missing h.1.mlp.c_fc.bias"):
            gpt2.load(nano_checkpoint(tmp_path / "ckpt.pt", model, bias, change=drop), tokenizer=tokenizer)


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("plain", [True, False], ids=["pickle", "torch.save"])
def test_a_hostile_pickle_is_refused_and_not_run(plain, tokenizer, tmp_path):
    content = {"model": Hostile(tmp_path / "was_here"), "model_args": nano_arguments(True)}
    if plain:
        (tmp_path / "ckpt.pt").write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, tmp_path / "ckpt.pt")
    with pytest.raises(ValueError, match=r"wanted a checkpoint of tensors .* nothing of it was run"):
        gpt2.load(tmp_path / "ckpt.pt", tokenizer=tokenizer)
    assert not (tmp_path / "was_here").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"state_dict": {}}, "wanted a nanoGPT checkpoint with model_args"),
        ({"model": {}, "model_args": {"n_layer": 2}}, "without vocab_size, block_size, n_embd, n_head"),
        ([1, 2], "got a list"),
    ],
)
def test_other_checkpoints_are_refused(content, words, tmp_path):
    torch.save(content, tmp_path / "ckpt.pt")
    with pytest.raises(ValueError, match=words):
        gpt2.load(tmp_path / "ckpt.pt")


def llm_c(path: Path, model: gpt2.GPT2, version: int, padded: int = 384, magic: int = 20240326) -> Path:
    """Write a checkpoint as llm.c's `write_model` does."""
    c = model.config
    state = {n.removeprefix("transformer."): t for n, t in to_published(model.state_dict(), c.n_layer).items()}
    state["wte.weight"] = functional.pad(state["wte.weight"], (0, 0, 0, padded - c.n_vocab), value=7.0)
    kinds = [f"{kind}.{end}" for kind in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
             for end in ("weight", "bias")]  # fmt: skip
    order = [f"h.{i}.{kind}" for kind in kinds for i in range(c.n_layer)]
    with path.open("wb") as file:
        head = [magic, version, c.n_ctx, c.n_vocab, c.n_layer, c.n_head, c.n_embd, padded]
        file.write(struct.pack("<256i", *head, *[0] * (256 - len(head))))
        for name in ["wte.weight", "wpe.weight", *order, "ln_f.weight", "ln_f.bias"]:
            tensor = state[name].T if name.endswith(LINEAR) else state[name]
            kind = torch.float32 if version == 3 else torch.bfloat16
            file.write(tensor.contiguous().to(kind).view(torch.uint8).numpy().tobytes())
    return path


def test_llm_c_checkpoints_give_the_same_logits(model, tokenizer, tokens, tmp_path):
    wanted = model(tokens)
    ours, _ = gpt2.load(llm_c(tmp_path / "a.bin", model, 3), tokenizer=tokenizer)
    assert ours.n_vocab == CONFIG.n_vocab
    assert torch.equal(ours(tokens), wanted)
    half, _ = gpt2.load(llm_c(tmp_path / "b.bin", model, 5), tokenizer=tokenizer)
    rounded = gpt2.GPT2(CONFIG)
    rounded.load_state_dict({name: t.bfloat16().float() for name, t in model.state_dict().items()})
    assert torch.equal(half(tokens), rounded.eval()(tokens))


def test_damaged_llm_c_checkpoints_are_refused(model, tokenizer, tmp_path):
    path = llm_c(tmp_path / "a.bin", model, 2)
    with pytest.raises(ValueError, match=r"version 3 .* got 2"):
        gpt2.load(path)
    llm_c(path, model, 3)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"wanted [\d,]+ weights after the header"):
        gpt2.load(path)
    with pytest.raises(ValueError, match=r"wanted an llm.c checkpoint \(magic"):
        gpt2.load(llm_c(path, model, 3, magic=1))
    with pytest.raises(ValueError, match=r"wanted vocab.json and merges.txt beside it"):
        gpt2.load(llm_c(path, model, 3))
    tokenizer.save(tmp_path, n_ctx=24)
    assert gpt2.load(path)[1].fingerprint == tokenizer.fingerprint


def test_shards_go_both_ways(model, tokenizer, tokens, tmp_path):
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
    gpt2.save(tmp_path / "a", model, tokenizer)
    code = "import sys, gpt2; gpt2.save(sys.argv[2], *gpt2.load(sys.argv[1]))"
    for name in ("b", "c"):
        subprocess.run([sys.executable, "-c", code, tmp_path / "a", tmp_path / name], check=True)
    contents = {(tmp_path / name / "model.safetensors").read_bytes() for name in "abc"}
    assert len(contents) == 1


def test_dtypes_are_converted_both_ways(model, tokenizer, tmp_path):
    gpt2.save(tmp_path, model, tokenizer, dtype=torch.bfloat16)
    assert {t.dtype for t in load_file(tmp_path / "model.safetensors").values()} == {torch.bfloat16}
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert theirs.dtype == torch.bfloat16
    back, _ = gpt2.load(tmp_path)
    assert all(torch.equal(a, b.bfloat16().float()) for a, b in zip(back.parameters(), model.parameters(), strict=True))
    assert next(gpt2.load(tmp_path, dtype=torch.bfloat16)[0].parameters()).dtype == torch.bfloat16
    with torch.no_grad():
        model.position_embedding.weight[0, 0] = 1e6
    with pytest.raises(ValueError, match=r"wanted one that holds every weight.*position_embedding"):
        gpt2.save(tmp_path, model, tokenizer, dtype=torch.float16)
    with pytest.raises(ValueError, match="floating-point"):
        gpt2.save(tmp_path, model, tokenizer, dtype=torch.int8)


def test_a_folder_with_tokenizer_json_alone_is_read(model, tokenizer, tmp_path):
    gpt2.save(tmp_path, model, tokenizer)
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).unlink()
    assert gpt2.load(tmp_path)[1].ranks == tokenizer.ranks


def test_a_name_on_the_hub_is_downloaded_at_its_revision(model, tokenizer, tokens, tmp_path, monkeypatch):
    gpt2.save(tmp_path, model, tokenizer)
    asked = []

    def snapshot_download(name, *, revision, allow_patterns):
        asked.append((name, revision))
        assert not any(pattern.endswith((".bin", ".pt", "*")) for pattern in allow_patterns)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.chdir(tmp_path)
    assert torch.equal(gpt2.load("openai-community/gpt2@607a30d")[0](tokens), model(tokens))
    gpt2.load("distilgpt2", revision="main")
    gpt2.load("a/b")
    assert asked == [("openai-community/gpt2", "607a30d"), ("distilgpt2", "main"), ("a/b", None)]
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="wanted a repository with safetensors"):
        gpt2.load("a/b")


def test_offline_says_so_and_a_mistyped_path_is_no_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(OSError, match=r"wanted a folder here or a model on the hub, .* cannot be reached and no copy"):
        gpt2.load("nobody/has-this-one")
    (tmp_path / "runs").mkdir()
    with pytest.raises(ValueError, match="no such folder"):
        gpt2.load("runs/003")
    with pytest.raises(ValueError, match="no such folder"):
        gpt2.load("./nothing")
    (tmp_path / "weights.onnx").touch()
    with pytest.raises(ValueError, match=r"wanted a model folder, or a file .pt or .bin"):
        gpt2.load("weights.onnx")


def test_without_the_extra_the_message_names_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"gpt2\[hub\]"):
        gpt2.load("nobody/has-this-one")


def test_a_quantized_folder_is_refused_with_the_name_of_its_package(tmp_path):
    (tmp_path / "quantization.json").write_text("{}")
    with pytest.raises(ValueError, match=r"wanted weights in float, got a quantized model; .* quantization.load"):
        gpt2.load(tmp_path)
