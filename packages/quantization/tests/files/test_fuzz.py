"""Whatever stands in a quantized model's files: it loads, or a ValueError says what is wrong; no traceback, no bomb."""

import hashlib
import json
import shutil

import pytest
from hypothesis import strategies as st

import quantization
from gpt2 import GPT2, GPT2Config, Tokenizer
from quantization.commands.convert import read_plan


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small") / "model"
    tokenizer = Tokenizer.train(["the cat and the hat " * 20], 260)
    model = GPT2(GPT2Config(n_vocab=260, n_ctx=8, n_embd=32, n_head=2, n_layer=1))
    quantization.save(folder, quantization.quantize(model, "int8"), tokenizer)
    return folder


@pytest.mark.parametrize("again", [False, True], ids=["torn", "signed again"])
def test_any_weights_load_or_are_refused(fuzz, small, tmp_path, again):
    folder = shutil.copytree(small, tmp_path / "model")
    path, about = folder / "quantized.safetensors", folder / "quantization.json"
    whole, described = path.read_bytes(), json.loads(about.read_text())
    length = int.from_bytes(whole[:8], "little")
    entries, data = json.loads(whole[8 : 8 + length]), whole[8 + length :]

    def claim(content):
        path.write_bytes(content)
        if again:  # by somebody who knows how
            about.write_text(json.dumps({**described, "sha256": hashlib.sha256(content).hexdigest()}))
        with fuzz.answer():
            quantization.load(folder)

    fuzz(claim, 20, content=fuzz.spoiled(whole))
    fuzz(claim, 20, content=fuzz.changed(entries).map(lambda text: len(text).to_bytes(8, "little") + text + data))


def test_any_description_loads_or_is_refused(fuzz, small, tmp_path):
    folder = shutil.copytree(small, tmp_path / "model")
    path = folder / "quantization.json"
    whole = path.read_bytes()

    def claim(content):
        path.write_bytes(content)
        with fuzz.answer():
            quantization.load(folder)

    schemes = st.sampled_from(["int4", "int4:0", "int4:-1", "int4:9999999999999999999999", "float32", "int8:2", "", 1])
    fuzz(claim, 30, content=fuzz.changed(json.loads(whole)))
    fuzz(claim, 20, content=fuzz.changed(json.loads(whole), schemes | st.sampled_from([10**9, 2**63, 3])))
    fuzz(claim, 15, content=fuzz.spoiled(whole))


def test_any_plan_is_read_or_refused(fuzz, tmp_path):
    path, plan = tmp_path / "plan.json", {"layers": {"blocks.0.mlp": "int8"}}

    def claim(content):
        path.write_bytes(content)
        with fuzz.answer():
            read_plan(path)

    fuzz(claim, 60, content=fuzz.changed(plan) | fuzz.spoiled(json.dumps(plan).encode()))
