"""nanoGPT's checkpoints are read to the same logits; what is hostile or torn is refused."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import gpt2

from ..conftest import CONFIG


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


def test_the_exact_gelu_stays_in_the_folder_and_in_what_opens_it(tokenizer, tokens, tmp_path, transformers):
    torch.manual_seed(0)
    theirs = NanoGPT(True)
    ours, _ = gpt2.load(nano_checkpoint(tmp_path / "ckpt.pt", theirs, True), tokenizer=tokenizer)
    gpt2.save(tmp_path / "folder", ours, tokenizer)
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


@pytest.mark.parametrize("name", ["n_layer", "n_embd", "vocab_size", "block_size"])
@pytest.mark.parametrize("bias", [True, False])
def test_arguments_of_another_size_are_refused_before_anything_is_made(name, bias, tmp_path):
    path = nano_checkpoint(tmp_path / "ckpt.pt", NanoGPT(bias), bias)
    content = torch.load(path, weights_only=True)
    content["model_args"][name] *= 10**9
    torch.save(content, path)
    with pytest.raises(ValueError, match="wanted"):
        gpt2.load(path, tokenizer=tmp_path)
