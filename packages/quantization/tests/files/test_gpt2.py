"""What is saved comes back bit for bit, without ever being float32."""

import json
import os

import pytest
import torch
from safetensors.torch import load_file

import gpt2
import quantization
from gpt2 import Tokenizer
from quantization import quantize
from workbench import lay_out, recorded_disk

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


@pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")
def test_saved_over_another_it_is_wholly_the_old_or_the_new_at_each_moment(model, tokenizer, text, tmp_path):
    """Killed, or the power failed. The new one has other weights, another scheme, another vocabulary and a README."""
    new = Tokenizer.train([text[30_000:50_000]], 300)
    folder = tmp_path / "models" / "small"
    quantization.save(folder, quantize(model, "int8"), tokenizer)
    (folder / "README.md").write_text("mine")
    with recorded_disk(folder.parent) as disk:
        quantization.save(folder, quantize(model, "int4"), new)
    if not any(call.startswith("exchange") for call in disk.calls) or any("rename" in call for call in disk.calls):
        pytest.skip("this kernel or file system has no RENAME_EXCHANGE")
    found = []
    for number, content in enumerate(disk.moments()):
        lay_out(content, tmp_path / str(number))
        small, its = quantization.load(tmp_path / str(number) / "small")
        scheme = small.decoder.blocks[0].attention.qkv.scheme
        found.append((scheme, its.fingerprint))
        assert (tmp_path / str(number) / "small" / "README.md").read_text() == "mine"
    assert set(found) == {("int8", tokenizer.fingerprint), ("int4", new.fingerprint)}
    for content in disk.finally_there():
        assert found[disk.moments().index(content)] == ("int4", new.fingerprint)
    assert [path.name for path in folder.parent.iterdir()] == ["small"]


def test_a_configuration_of_more_weights_than_its_file_can_hold_makes_none_of_them(model, tokenizer, tmp_path):
    quantization.save(tmp_path, quantize(model), tokenizer)
    path = tmp_path / "quantization.json"
    content = json.loads(path.read_text())
    content["gpt2"]["n_layer"] = 10**4
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"wanted the [\d,]+ weights of its configuration, got a file of [\d,]+ bytes"):
        quantization.load(tmp_path)
