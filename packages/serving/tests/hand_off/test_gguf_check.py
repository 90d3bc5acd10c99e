"""The check of a file finds what is wrong with it."""

import pytest
import torch

from gpt2 import GPT2, Tokenizer
from serving.hand_off.gguf_check import check_gguf
from serving.hand_off.gguf_file import write_gguf

pytestmark = pytest.mark.extras


@pytest.fixture(autouse=True)
def _gguf():
    pytest.importorskip("gguf", reason="needs the extra gguf")


@pytest.mark.parametrize("weights", ["float32", "float16", "q8_0"])
def test_a_file_that_is_right_passes(model, tokenizer, tmp_path, weights):
    write_gguf(tmp_path / "m.gguf", model, tokenizer, weights)
    found = check_gguf(tmp_path / "m.gguf", model, tokenizer, weights)
    assert found.tensors == len(list(model.named_parameters()))
    assert found.tokens == model.n_vocab
    assert (found.largest_error == 0.0) == (weights == "float32")
    assert (found.agreement.largest_difference == 0.0) == (weights == "float32")
    assert found.agreement.same_choice > 0.9 * found.agreement.places


@pytest.mark.parametrize(("weights", "by"), [("float32", 1e-7), ("float16", 1e-3), ("q8_0", 0.02)])
def test_one_weight_that_is_another_is_found(model, tokenizer, tmp_path, weights, by):
    write_gguf(tmp_path / "m.gguf", model, tokenizer, weights)
    other = GPT2(model.config)
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        other.decoder.blocks[1].feed_forward.up.weight[7, 11] += by
    with pytest.raises(ValueError, match=r"weights of blk\.1\.ffn_up\.weight"):
        check_gguf(tmp_path / "m.gguf", other, tokenizer, weights)


def test_another_tokenizer_is_found(model, tokenizer, tmp_path):
    write_gguf(tmp_path / "m.gguf", model, tokenizer)
    other = Tokenizer.train(["a tokenizer of other words, words, words and words " * 9], tokenizer.n_vocab)
    with pytest.raises(ValueError, match=r"tokenizer\.ggml\.(tokens|merges) = "):
        check_gguf(tmp_path / "m.gguf", model, other)


def test_another_shape_is_found(model, tokenizer, tmp_path):
    write_gguf(tmp_path / "m.gguf", model, tokenizer)
    other = GPT2(model.config.replace(n_head=8))
    other.load_state_dict(model.state_dict())
    with pytest.raises(ValueError, match=r"head_count = 8, got 4"):
        check_gguf(tmp_path / "m.gguf", other, tokenizer)
