"""What is saved comes back bit for bit, without ever being float32; what is damaged or strange is refused."""

import hashlib
import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import gpt2
import quantization
from quantization import QuantizedEmbedding, QuantizedLinear, quantize

SCHEMES = ("int8", "int8-weight-only", "int4", "int4:16", "bfloat16", {"decoder.blocks.0.feed_forward.up": "int4"})


@pytest.mark.parametrize("how", SCHEMES, ids=str)
def test_a_round_trip_is_bit_equal(model, tokenizer, how, tmp_path):
    small = quantize(model, how)
    quantization.save(tmp_path, small, tokenizer)
    loaded, its_tokenizer = quantization.load(tmp_path)
    ours, theirs = small.state_dict(), loaded.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) and ours[name].dtype == theirs[name].dtype for name in ours)
    ids = torch.tensor([its_tokenizer.encode("a list of files")])
    with torch.inference_mode():
        assert torch.equal(loaded(ids), small(ids))
    again = tmp_path / "again"
    quantization.save(again, loaded, its_tokenizer)
    for name in ("quantization.json", "quantized.safetensors"):
        assert (again / name).read_bytes() == (tmp_path / name).read_bytes()


def test_the_file_is_plain_safetensors_with_the_buffers_and_nothing_else(model, tokenizer, tmp_path):
    quantization.save(tmp_path, quantize(model, "int4"), tokenizer)
    tensors = load_file(tmp_path / "quantized.safetensors")
    name = "decoder.blocks.0.attention.qkv"
    assert tensors[f"{name}.weight"].dtype == torch.uint8
    assert tensors[f"{name}.weight"].shape == (192, 32)
    assert tensors[f"{name}.scale"].shape == (192, 2)
    size = sum(tensor.nbytes for tensor in tensors.values())
    assert (tmp_path / "quantized.safetensors").stat().st_size < size + 10_000


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


def test_loading_holds_no_float_weights(model, tokenizer, tmp_path):
    quantization.save(tmp_path, quantize(model), tokenizer)
    seen = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and result.dtype == torch.float32 and result.device.type == "cpu":
                seen.append(result.numel())
            return result

    with Watch():
        quantization.load(tmp_path)
    assert max(seen, default=0) <= max(192 + 64, 48 * 64)  # scales, biases and the position table


def test_gpt2_names_this_package_for_such_a_folder(model, tokenizer, tmp_path):
    quantization.save(tmp_path, quantize(model), tokenizer)
    with pytest.raises(ValueError, match=r"got a quantized model; load it with the package quantization"):
        gpt2.load(tmp_path)


def test_a_model_in_float_is_not_saved_as_quantized(model, tokenizer, tmp_path):
    with pytest.raises(ValueError, match=r"wanted a quantized one, got one in float; call quantize"):
        quantization.save(tmp_path, model, tokenizer)
    with pytest.raises(ValueError, match=r"wanted the folder of a quantized model, got one without quantization.json"):
        quantization.load(tmp_path)


@pytest.fixture
def saved(model, tokenizer, tmp_path):
    quantization.save(tmp_path, quantize(model), tokenizer)
    return tmp_path


def test_a_changed_bit_is_found(saved):
    path = saved / "quantized.safetensors"
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"wanted the file that was saved \(SHA-256 \w+\), got another \(\w+\); copy"):
        quantization.load(saved)


def test_a_torn_file_and_a_missing_one_are_named(saved):
    path = saved / "quantized.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"quantized.safetensors: wanted the file that was saved .*; copy"):
        quantization.load(saved)
    path.unlink()
    with pytest.raises(ValueError, match=r"quantized.safetensors: wanted a safetensors file, got: .*; copy"):
        quantization.load(saved)


def test_another_file_under_the_right_checksum_is_refused(saved):
    content = json.loads((saved / "quantization.json").read_text())
    (saved / "quantized.safetensors").write_bytes(b"not a file of tensors")
    content["sha256"] = hashlib.sha256(b"not a file of tensors").hexdigest()
    (saved / "quantization.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"quantized.safetensors: wanted a safetensors file, got: .*; copy"):
        quantization.load(saved)


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

    monkeypatch.setattr("quantization.files.tensors.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        quantization.save(saved, quantize(model, "int4"), tokenizer)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before


def test_arguments_in_another_order_are_named(tmp_path):
    program = (
        "import gpt2, quantization\n"
        "config = gpt2.GPT2Config(n_vocab=300, n_ctx=8, n_embd=8, n_head=1, n_layer=1)\n"
        "model = quantization.quantize(gpt2.GPT2(config))\n"
        "for call in (lambda: quantization.save(model, gpt2.Tokenizer.train(['a b'], 257), 'here'),\n"
        "             lambda: quantization.save_weights(model, 'here')):\n"
        "    try:\n        call()\n    except TypeError as error:\n        print(error)"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [
        "wanted save(folder, model, tokenizer), got (GPT2, Tokenizer, str); give the arguments in that order",
        "wanted save_weights(folder, model), got (GPT2, str); give the arguments in that order",
    ]
    assert not list(tmp_path.iterdir())


def test_importing_the_package_needs_no_torch():
    program = "import sys, quantization; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
