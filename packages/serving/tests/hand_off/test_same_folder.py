"""vLLM and optimum open the model folder itself: their command names it."""

from pathlib import Path

import pytest

import gpt2
from serving.hand_off.same_folder import folder_for, onnx_line, vllm_line


def test_a_folder_is_named_as_it_is(source, model, tokenizer):
    assert folder_for(str(source), None, model, tokenizer) == source
    assert vllm_line(source, model) == f"vllm serve {source} --max-model-len 1024"
    assert onnx_line(Path("a b")).endswith("optimum-cli export onnx --model 'a b' 'a b-onnx'")


def test_what_is_no_folder_is_written_to_one(model, tokenizer, tmp_path):
    with pytest.raises(ValueError, match=r"--out: wanted a folder to write the model to"):
        folder_for("ckpt.pt", None, model, tokenizer)
    folder = folder_for("ckpt.pt", tmp_path / "out", model, tokenizer)
    again, _ = gpt2.load(folder)
    assert all(a.equal(b) for a, b in zip(again.parameters(), model.parameters(), strict=True))
