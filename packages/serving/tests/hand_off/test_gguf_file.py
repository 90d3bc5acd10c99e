"""The file is what others read: transformers opens it by its own reader, with the same logits and the same ids."""

import dataclasses

import pytest
import torch

from gpt2 import GPT2, Tokenizer
from serving.hand_off.gguf_file import KINDS, UNUSED, gguf_name, merges_of, tokens_of, write_gguf
from serving.hand_off.probe import TEXT


@pytest.fixture
def with_config(model):
    """The model with another configuration; its weights stay."""

    def changed(**changes):
        other = GPT2(model.config)
        other.load_state_dict(model.state_dict())
        other.config = dataclasses.replace(model.config, **changes)
        return other

    return changed


@pytest.mark.extras
@pytest.mark.parametrize(("weights", "close"), [("float32", 2e-5), ("float16", 0.02), ("q8_0", 0.5)])
def test_transformers_opens_the_file_and_finds_the_same_logits(model, tokenizer, tmp_path, weights, close):
    pytest.importorskip("gguf", reason="needs the extra gguf")
    transformers = pytest.importorskip("transformers", reason="compares with transformers, which is not installed")
    write_gguf(tmp_path / "m.gguf", model, tokenizer, weights)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="m.gguf").eval()
    ids = torch.tensor([tokenizer.encode(TEXT)])
    with torch.inference_mode():
        torch.testing.assert_close(theirs(ids).logits, model(ids), rtol=0, atol=close)


@pytest.mark.extras
def test_transformers_reads_the_same_tokenizer_out_of_the_file(model, tokenizer, tmp_path):
    pytest.importorskip("gguf", reason="needs the extra gguf")
    transformers = pytest.importorskip("transformers", reason="compares with transformers, which is not installed")
    write_gguf(tmp_path / "m.gguf", model, tokenizer)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path, gguf_file="m.gguf")
    assert theirs(TEXT)["input_ids"] == tokenizer.encode(TEXT)
    assert theirs.eos_token_id == tokenizer.end_of_text


@pytest.mark.extras
def test_kinds_of_weights_take_the_bytes_that_they_promise(model, tokenizer, tmp_path):
    pytest.importorskip("gguf", reason="needs the extra gguf")
    sizes = {}
    for weights in KINDS:
        write_gguf(tmp_path / f"{weights}.gguf", model, tokenizer, weights)
        sizes[weights] = (tmp_path / f"{weights}.gguf").stat().st_size
    matrices = sum(p.numel() for name, p in model.named_parameters() if p.ndim == 2 and "position" not in name)
    assert sizes["float32"] - sizes["float16"] == pytest.approx(2 * matrices, rel=0.01)
    assert sizes["float32"] - sizes["q8_0"] == pytest.approx((4 - 34 / 32) * matrices, rel=0.01)


def test_every_parameter_has_a_name_of_its_own(model):
    names = [gguf_name(name) for name, _ in model.named_parameters()]
    assert len(set(names)) == len(names)
    assert "blk.1.attn_qkv.bias" in names
    assert "token_embd.weight" in names


def test_rows_that_the_tokenizer_lacks_get_names_that_stand_for_nothing(model, tokenizer):
    names, kinds = tokens_of(model, tokenizer)
    assert len(names) == len(set(names)) == model.n_vocab
    assert kinds[-3:] == [UNUSED] * 3
    assert names[tokenizer.end_of_text] == "<|endoftext|>"
    assert len(merges_of(tokenizer)) == len(tokenizer.ranks) - 256


@pytest.mark.extras
@pytest.mark.parametrize(
    ("changes", "pattern", "weights", "said"),
    [
        ({"activation": "gelu"}, None, "float32", "activation: wanted gelu_tanh"),
        ({"end_ids": (1, 2, 3)}, None, "float32", "at most two ids that end a text"),
        ({}, r"\S+|\s+", "float32", "wanted GPT-2's pattern"),
        ({"n_embd": 48}, None, "q8_0", "whole blocks of 32"),
    ],
)
def test_what_llama_cpp_would_compute_differently_is_refused(
    with_config, tokenizer, tmp_path, changes, pattern, weights, said
):
    pytest.importorskip("gguf", reason="needs the extra gguf")
    other = tokenizer if pattern is None else Tokenizer(tokenizer.ranks, pattern=pattern)
    with pytest.raises(ValueError, match=said):
        write_gguf(tmp_path / "m.gguf", with_config(**changes), other, weights)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.extras
def test_weights_that_float16_cannot_hold_are_refused(with_config, tokenizer, tmp_path):
    pytest.importorskip("gguf", reason="needs the extra gguf")
    loud = with_config()
    with torch.no_grad():
        loud.token_embedding.weight[3, 5] = 70_000.0
    with pytest.raises(ValueError, match=r"at most 65,504, got larger ones"):
        write_gguf(tmp_path / "m.gguf", loud, tokenizer, "float16")
    assert list(tmp_path.iterdir()) == []
    write_gguf(tmp_path / "m.gguf", loud, tokenizer, "float32")
