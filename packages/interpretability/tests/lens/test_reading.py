"""The plain lens, against transformers' hidden states put through its own last layers."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

import gpt2
from gpt2 import GPT2, GPT2Config
from interpretability import Translator, lens_divergences, lens_places, read_lens


def tiny(seed: int = 0, **sizes: int) -> GPT2:
    config = GPT2Config(**({"n_vocab": 300, "n_ctx": 16, "n_embd": 16, "n_head": 2, "n_layer": 3} | sizes))
    model = GPT2(config, generator=torch.Generator().manual_seed(seed)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(8)
    return model


def some_tokens(rows: int = 2, length: int = 10, seed: int = 0) -> torch.Tensor:
    return torch.randint(300, (rows, length), generator=torch.Generator().manual_seed(seed))


def test_what_is_read_is_what_transformers_reads(tmp_path: Path) -> None:
    ours = tiny(n_vocab=257)
    tokenizer = gpt2.Tokenizer({bytes([byte]): byte for byte in range(256)})
    gpt2.save(tmp_path, ours, tokenizer)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    tokens = some_tokens() % 257
    read = read_lens(ours, tokens)
    with torch.no_grad():
        states = theirs(tokens, output_hidden_states=True).hidden_states
        for layer in range(3):
            wanted = theirs.lm_head(theirs.transformer.ln_f(states[layer])).log_softmax(-1)
            place = "0.resid_pre" if layer == 0 else f"{layer - 1}.resid_post"
            assert torch.allclose(read[place], wanted, atol=1e-5)
        assert torch.allclose(read["2.resid_post"], theirs(tokens).logits.log_softmax(-1), atol=1e-5)


def test_places_go_from_the_embedding_to_the_end() -> None:
    assert lens_places(tiny(n_layer=2)) == ["0.resid_pre", "0.resid_mid", "0.resid_post", "1.resid_mid", "1.resid_post"]


def test_distances_are_those_of_torchs_own_kl() -> None:
    model, tokens = tiny(), some_tokens()
    read = read_lens(model, tokens)
    ends = torch.distributions.Categorical(logits=read["2.resid_post"])
    for place, distance in lens_divergences(model, [tokens[:1], tokens[1:]]).items():
        there = torch.distributions.Categorical(logits=read[place])
        assert distance == pytest.approx(torch.distributions.kl_divergence(ends, there).mean().item(), abs=1e-4)


def test_a_map_moves_only_its_own_place() -> None:
    model, tokens = tiny(), some_tokens()
    nothing = {place: Translator(torch.zeros(16, 16), torch.zeros(16)) for place in lens_places(model)[:-1]}
    plain, same = read_lens(model, tokens), read_lens(model, tokens, nothing)
    assert all(torch.allclose(plain[place], same[place], atol=1e-6) for place in plain)
    other = torch.randn(16, 16, generator=torch.Generator().manual_seed(2))
    moved = read_lens(model, tokens, nothing | {"1.resid_mid": Translator(other, other[0])})
    changed = [place for place in plain if not torch.allclose(plain[place], moved[place], atol=1e-3)]
    assert changed == ["1.resid_mid"]


def test_a_lens_of_another_model_is_refused() -> None:
    small = {place: Translator(torch.zeros(8, 8), torch.zeros(8)) for place in lens_places(tiny())[:-1]}
    with pytest.raises(ValueError, match="width 16, got one for 6 of width"):
        read_lens(tiny(), some_tokens(), small)
    with pytest.raises(ValueError, match="at least one token"):
        lens_divergences(tiny(), [])
