"""`load` finds what is meant, and refuses what is no model of ours."""

import pytest

import gpt2


def test_a_folder_with_tokenizer_json_alone_is_read(model, tokenizer, tmp_path):
    gpt2.save(tmp_path, model, tokenizer)
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).unlink()
    assert gpt2.load(tmp_path)[1].ranks == tokenizer.ranks


def test_a_quantized_folder_is_refused_with_the_name_of_its_package(tmp_path):
    (tmp_path / "quantization.json").write_text("{}")
    with pytest.raises(ValueError, match=r"wanted weights in float, got a quantized model; .* quantization.load"):
        gpt2.load(tmp_path)
