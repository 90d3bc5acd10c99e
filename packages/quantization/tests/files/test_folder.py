"""Any model comes back; what is damaged or strange is refused."""

import json

import jaxtyping
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import quantization
from quantization import QuantizedEmbedding, QuantizedLinear, quantize


def test_tensors_that_layers_share_are_saved_once_and_shared_again(tmp_path):
    def tied():
        model = nn.ModuleDict({"table": nn.Embedding(40, 16), "head": nn.Linear(16, 40, bias=False)})
        model["head"].weight = model["table"].weight
        return model

    quantization.save_weights(tmp_path, quantize(tied()))
    assert len(load_file(tmp_path / "quantized.safetensors")) == 2
    loaded = quantization.load_weights(tmp_path, tied())
    assert isinstance(loaded["table"], QuantizedEmbedding)
    assert isinstance(loaded["head"], QuantizedLinear)
    assert loaded["head"].weight.data_ptr() == loaded["table"].weight.data_ptr()


def test_any_model_with_a_module_in_two_places_and_buffers_comes_back(tmp_path):
    def build():
        torch.manual_seed(0)
        line = nn.Linear(8, 8)
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), line, line)

    model = build().eval()
    small = quantize(model)
    quantization.save_weights(tmp_path, small)
    loaded = quantization.load_weights(tmp_path, build().eval())
    x = torch.randn(2, 3, 6, 6)
    with torch.inference_mode():
        assert torch.equal(loaded(x), small(x))
    assert loaded[4] is loaded[5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format=2), "wanted format 1, got 2; read it with a newer version"),
        (lambda c: c.update(format="1x"), "got TypeError.*'1x' instead of the number of a format.*; copy it again"),
        (lambda c: c.update(format=None), "got TypeError.*None instead of the number of a format.*; copy it again"),
        (lambda c: c.update(format=0), "got TypeError.*0 instead of the number of a format.*; copy it again"),
        (lambda c: c.pop("layers"), "wanted format, layers, shared and sha256 in JSON, got KeyError"),
        (lambda c: c["layers"].update(head=8), "got TypeError.*8 instead of a text"),
        (lambda c: c.pop("gpt2"), "wanted a quantized GPT-2, got a configuration without one .*; for a model"),
        (lambda c: c["gpt2"].update(n_layer=3), "got .* that differ: missing decoder.blocks.2"),
        (lambda c: c["gpt2"].update(n_embd=32), "got .* that differ: .*weight is torch.int8 .* instead of"),
        (lambda c: c["layers"].update(head="int8"), "layer head: wanted it in the model, got none; "),
        (lambda c: c["layers"].update(final_norm="int8"), "layer final_norm: wanted one to quantize, got LayerNorm; "),
        (lambda c: c["layers"].update({"token_embedding": "int5"}), "scheme: wanted one of .* got 'int5'; "),
        (lambda c: c["layers"].update({"token_embedding": "int4"}), r"got .* that differ: token_embedding.scale"),
    ],
)
def test_a_changed_configuration_is_refused_in_three_parts(saved, change, message):
    path = saved / "quantization.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        quantization.load(saved)


def test_a_configuration_that_is_no_json_is_refused(saved):
    (saved / "quantization.json").write_text("{")
    with pytest.raises(ValueError, match=r"quantization.json: wanted .* in JSON, got .*; copy it again"):
        quantization.load(saved)


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(ValueError, match=r"nope: wanted the folder of a quantized model, got no folder of that name; "):
        quantization.load(tmp_path / "nope")


def test_saving_again_replaces_what_was_there_even_while_it_is_mapped(model, saved):
    loaded, its_tokenizer = quantization.load(saved)
    before = {name: tensor.clone() for name, tensor in loaded.state_dict().items()}
    quantization.save(saved, quantize(model, "int4"), its_tokenizer)
    assert all(torch.equal(before[name], tensor) for name, tensor in loaded.state_dict().items())
    assert quantization.load(saved)[0].token_embedding.scheme == "int4"


@pytest.mark.parametrize("written", [0, 1])
def test_a_disk_that_fills_up_leaves_the_model_that_was_there(model, saved, tokenizer, written, monkeypatch):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    synced = iter([None] * written)

    def full(descriptor):
        if next(synced, "full") == "full":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        quantization.save(saved, quantize(model, "int4"), tokenizer)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before


def test_arguments_in_another_order_are_named(model, tokenizer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    jaxtyping.config.update("jaxtyping_disable", True)  # whose checker would speak before our messages
    try:
        with pytest.raises(TypeError, match=r"^wanted save\(folder, model, tokenizer\), got \(GPT2, Tokenizer, str\);"):
            quantization.save(model, tokenizer, "here")
        with pytest.raises(TypeError, match=r"^wanted save_weights\(folder, model\), got \(GPT2, str\); give the arg"):
            quantization.save_weights(model, "here")
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
    assert not list(tmp_path.iterdir())
