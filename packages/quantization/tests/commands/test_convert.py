"""`quantization convert`."""

import decoding
import quantization
from quantization.commands.main import main


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_convert_then_generate_writes_what_the_model_in_python_writes(source, text_file, tmp_path, capsys):
    out = tmp_path / "small"
    assert run("convert", source, "--to", "int4:16", "--calibrate", text_file, "--out", out, "--equalise") == 0
    said = capsys.readouterr()
    assert "MB became" in said.err
    assert said.out == ""
    assert run("generate", out, "--prompt", "a list", "--max-new-tokens", "5", "--temperature", "0") == 0
    written = capsys.readouterr().out
    model, tokenizer = quantization.load(out)
    wanted = decoding.generate(
        model, tokenizer, ["a list"], decoding.GenerationSettings(max_new_tokens=5, temperature=0)
    )
    assert written == f"a list{wanted[0].text}\n"


def test_a_kept_layer_stays_in_float(source, tmp_path):
    assert run("convert", source, "--out", tmp_path / "small", "--keep", "token_embedding") == 0
    model, _ = quantization.load(tmp_path / "small")
    assert type(model.token_embedding).__name__ == "TokenEmbedding"


def test_a_quantized_source_is_refused(source, tmp_path, capsys):
    assert run("convert", source, "--out", tmp_path / "small") == 0
    capsys.readouterr()
    assert run("convert", tmp_path / "small", "--out", tmp_path / "smaller") == 2
    assert "got a quantized model" in capsys.readouterr().err
