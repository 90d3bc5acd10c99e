"""The kernels are compiled once, kept where nobody else can write, and missed with one note where they cannot be."""

import os
import subprocess
import sys

import pytest
import torch

from transformer.kernels import native

PRODUCT = """
import logging, torch
logging.basicConfig()
from torch import nn
from transformer.kernels.products import linear
from transformer.kernels.weights import Kind

class Half(nn.Module):
    kind, group_size, scale, zero = Kind.BFLOAT16, None, None, None
    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.linspace(-1, 1, 512).view(8, 64).bfloat16())
        self.register_buffer("bias", torch.ones(8))
    def restored(self):
        return self.weight.float()

print(linear(torch.ones(1, 64), Half()).sum().item())
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of this test's own, on a machine that has a compiler."""
    if native.library() is None:
        pytest.skip("no C++ compiler here: nothing to compile")
    monkeypatch.setenv("TENSORS_TO_GPT2_CACHE", str(tmp_path))
    return tmp_path / "kernels"


def answer(tmp_path, **environment):
    """What the program prints with an empty cache, and what it says on standard error."""
    given = {**os.environ, "TENSORS_TO_GPT2_CACHE": str(tmp_path), **environment}
    run = subprocess.run([sys.executable, "-c", PRODUCT], env=given, capture_output=True, text=True, check=True)
    return float(run.stdout), run.stderr


def test_without_a_compiler_torch_computes_the_same_and_says_so_once(tmp_path):
    value, said = answer(tmp_path, PATH="", CXX="no-such-compiler")
    assert said.count("decoding runs on torch alone, quantized layers slowly: no kernels could be made") == 1
    assert "no C++ compiler on the path: install g++ or clang, or set CXX" in said
    weight = torch.linspace(-1, 1, 512).bfloat16().float()
    assert value == pytest.approx(weight.sum().item() + 8, abs=1e-4)


def test_a_cxx_that_names_no_compiler_is_not_passed_over_in_silence(cache, tmp_path):
    value, said = answer(tmp_path, CXX="/nonexistent")
    assert said.count("CXX: wanted a compiler's name or path, got /nonexistent; /") == 1
    assert "is used instead" in said
    again, silent = answer(tmp_path, CXX="")
    assert "CXX" not in silent
    assert value == again


def test_a_processor_without_the_instructions_is_named_and_loops_take_over(cache, monkeypatch, caplog):
    compiled = native.compiled
    monkeypatch.setattr(native, "compiled", lambda more: compiled(["-DPLAIN"]))
    found = native._library.__wrapped__("native")
    assert found.instructions() == b"plain loops"
    assert "quantized layers run on plain loops: this processor has no AVX-512 VNNI" in caplog.text


def test_a_strange_choice_is_refused(monkeypatch):
    monkeypatch.setenv(native.SWITCH, "fast")
    with pytest.raises(ValueError, match=r"QUANTIZATION_KERNELS: wanted native, plain or torch, got 'fast'; unset it"):
        native.library()


@pytest.mark.skipif(os.name != "posix", reason="owners and modes of files are POSIX's")
def test_a_library_is_compiled_once_and_never_loaded_from_where_others_write(cache, monkeypatch, caplog):
    cache.mkdir(mode=0o777)
    cache.chmod(0o777)
    made = native.compiled([])
    written = made.stat().st_mtime_ns
    assert native.compiled([]) == made
    assert made.stat().st_mtime_ns == written
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    assert made.parent == cache
    assert not (made.stat().st_mode | cache.stat().st_mode) & 0o022
    made.write_bytes(b"another user's")
    made.chmod(0o666)
    assert native.compiled([]) == made
    assert native.loaded(made).instructions()
    assert not made.stat().st_mode & 0o022
    monkeypatch.setattr(os, "geteuid", lambda: made.stat().st_uid + 1)
    if made.stat().st_uid == 0:
        monkeypatch.setattr(native, "is_only_ours", lambda path: False)
    assert native._library.__wrapped__("native") is None
    assert f"wanted a cache folder that nobody else can write to, got {cache}; set TENSORS_TO_GPT2_CACHE" in caplog.text
