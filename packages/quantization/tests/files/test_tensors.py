"""A file that is torn or another's is found."""

import hashlib
import json

import pytest

import quantization


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
