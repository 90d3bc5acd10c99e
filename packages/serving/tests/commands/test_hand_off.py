"""`serving hand-off`, as it is typed."""

import pytest

from serving.commands.hand_off import run_hand_off
from serving.commands.outside_settings import HandOff


@pytest.fixture
def folder(tmp_path):
    from gpt2 import GPT2, GPT2Config, Tokenizer, save

    tokenizer = Tokenizer.train(["the cat and the hat and the bat " * 20], 280)
    save(tmp_path / "m", GPT2(GPT2Config(tokenizer.n_vocab, 64, 32, 4, 1)), tokenizer)
    return tmp_path / "m"


@pytest.mark.extras
def test_gguf_is_written_and_checked(folder, tmp_path, capsys):
    pytest.importorskip("gguf", reason="needs the extra gguf")
    run_hand_off(HandOff(str(folder), "gguf", tmp_path / "m.gguf", "q8_0"))
    out = capsys.readouterr().out
    assert "16 tensors and" in out
    assert f"llama-server --model {tmp_path / 'm.gguf'}" in out


@pytest.mark.extras
def test_ctranslate2_is_written_and_checked(folder, tmp_path, capsys):
    pytest.importorskip("ctranslate2", reason="needs the extra ctranslate2")
    run_hand_off(HandOff(str(folder), "ctranslate2", tmp_path / "ct2"))
    assert "CTranslate2 finds the same token likeliest at" in capsys.readouterr().out
    assert (tmp_path / "ct2" / "model.bin").is_file()


@pytest.mark.parametrize(("to", "word"), [("vllm", "vllm serve"), ("onnx", "optimum-cli export onnx")])
def test_the_command_of_another_tool_is_printed(folder, capsys, to, word):
    run_hand_off(HandOff(str(folder), to))
    out = capsys.readouterr().out
    assert word in out
    assert str(folder) in out


@pytest.mark.extras
@pytest.mark.parametrize(
    ("to", "out", "weights", "said"),
    [
        ("gguf", "m.gguf", "int8", "--weights: wanted one of float32, float16, q8_0 for gguf"),
        ("ctranslate2", "m", "q8_0", "--weights: wanted one of float32, float16, int8 for ctranslate2"),
        ("vllm", None, "float16", "--weights: wanted one of float32 for vllm"),
        ("gguf", None, "float32", "give --out model.gguf"),
        ("gguf", "m.bin", "float32", "wanted a file that ends in .gguf"),
        ("gguf", "none/m.gguf", "float32", "in a folder that does"),
        ("ctranslate2", "there", "float32", "wanted a path that does not exist yet"),
    ],
)
def test_what_makes_no_sense_is_said_before_the_model_is_read(tmp_path, to, out, weights, said):
    pytest.importorskip(to if to != "vllm" else "torch", reason=f"needs the extra {to}")
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match=said):
        run_hand_off(HandOff("no model at all", to, None if out is None else tmp_path / out, weights))
