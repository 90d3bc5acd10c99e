"""Whatever stands in the files of a model: it loads, or a ValueError says what is wrong; no traceback, bomb or hang."""

import json
import shutil

import pytest
import torch
from hypothesis import strategies as st

import gpt2
from gpt2 import GPT2, GPT2Config, Tokenizer

from .test_llm_c import llm_c
from .test_nanogpt import NanoGPT, nano_arguments

SHAPE = GPT2Config(n_vocab=262, n_ctx=8, n_embd=4, n_head=2, n_layer=1)
JSON = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder with every file that is read: a tokenizer with added tokens, weights in one file."""
    folder = tmp_path_factory.mktemp("small") / "model"
    tokenizer = Tokenizer.train(["the cat and the hat and the bat " * 20], 259, special=["<|user|>"])
    gpt2.save(folder, GPT2(SHAPE), tokenizer)
    (folder / "added_tokens.json").write_text(json.dumps({"<|user|>": tokenizer.n_vocab - 1}))
    (folder / "special_tokens_map.json").write_text(json.dumps({"additional_special_tokens": ["<|user|>"]}))
    gpt2.load(folder)
    return folder


@pytest.fixture(scope="module")
def sharded(small, tmp_path_factory):
    """The same with the weights in several files and an index."""
    folder = tmp_path_factory.mktemp("sharded") / "model"
    model, tokenizer = gpt2.load(small)
    gpt2.save(folder, model, tokenizer, shard_bytes=2000)
    return folder


def replaced(fuzz, path, read):
    """The claim that another content of one file is read or refused, and its former content."""

    def claim(content):
        path.write_bytes(content)
        with fuzz.answer():
            read()

    return claim, path.read_bytes()


@pytest.mark.parametrize("name", [*JSON, "added_tokens.json", "special_tokens_map.json"])
def test_any_json_loads_or_is_refused_in_a_sentence(fuzz, small, name):
    claim, whole = replaced(fuzz, small / name, lambda: gpt2.load(small))
    try:
        fuzz(claim, 25, content=fuzz.changed(json.loads(whole)))
        fuzz(claim, 15, content=fuzz.spoiled(whole))
    finally:
        (small / name).write_bytes(whole)


def test_any_merges_load_or_are_refused(fuzz, small):
    claim, whole = replaced(fuzz, small / "merges.txt", lambda: gpt2.load(small))
    try:
        fuzz(claim, 30, content=fuzz.spoiled(whole))
    finally:
        (small / "merges.txt").write_bytes(whole)


def header(size, entries):
    text = json.dumps(entries).encode() if not isinstance(entries, bytes) else entries
    return (len(text) if size is None else size).to_bytes(8, "little") + text


@pytest.mark.parametrize("shards", [False, True])
def test_any_weights_load_or_are_refused(fuzz, small, sharded, shards):
    folder = sharded if shards else small
    path = next(folder.glob("model-00001-*.safetensors")) if shards else folder / "model.safetensors"
    claim, whole = replaced(fuzz, path, lambda: gpt2.load(folder))
    length = int.from_bytes(whole[:8], "little")
    entries, data = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    sizes = st.none() | st.sampled_from([0, 1, 2**31, 2**63, 2**64 - 1])
    try:
        fuzz(claim, 30, content=fuzz.spoiled(whole))
        changed = st.tuples(sizes, fuzz.changed(entries)).map(lambda of: header(*of) + data)
        fuzz(claim, 30, content=changed)
    finally:
        path.write_bytes(whole)


def test_any_index_is_followed_within_the_folder_or_refused(fuzz, sharded):
    path = sharded / "model.safetensors.index.json"
    claim, whole = replaced(fuzz, path, lambda: gpt2.load(sharded))
    places = st.sampled_from(["../model.safetensors", "/etc/passwd", "model-00001-of-00009.safetensors", "", 1, None])
    try:
        fuzz(claim, 20, content=fuzz.changed(json.loads(whole), places))
        fuzz(claim, 20, content=fuzz.changed(json.loads(whole)))
        fuzz(claim, 15, content=fuzz.spoiled(whole))
    finally:
        path.write_bytes(whole)


def test_any_llm_c_file_loads_or_is_refused(fuzz, model, tmp_path):
    whole = llm_c(tmp_path / "a.bin", model, 3).read_bytes()
    numbers = st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([0, 1, 3, 5, -1, 2**31 - 1, -(2**31), 10**6, 65_536])),
        min_size=1,
        max_size=3,
    )

    def with_numbers(changes):
        content = bytearray(whole)
        for place, number in changes:
            content[4 * place : 4 * place + 4] = number.to_bytes(4, "little", signed=True)
        return bytes(content)

    claim, _ = replaced(fuzz, tmp_path / "a.bin", lambda: gpt2.load(tmp_path / "a.bin"))
    fuzz(claim, 40, content=numbers.map(with_numbers))
    fuzz(claim, 20, content=fuzz.spoiled(whole[:3000], whole))


def test_any_nanogpt_file_loads_or_is_refused(fuzz, tokenizer, tmp_path):
    path, state = tmp_path / "ckpt.pt", NanoGPT(True).state_dict()
    tokenizer.save(tmp_path, n_ctx=24)
    names = st.sampled_from([*nano_arguments(True), "model"])
    values = st.none() | st.sampled_from([0, -1, 10**9, 2**70, 1.5, "3", float("nan"), [], torch.ones(2), 1e300, 2])

    def claim(changes, tensors):
        own = dict(state)
        for name, value in tensors:
            own[name] = value
        arguments = {**nano_arguments(True), **{name: value for name, value in changes if name != "model"}}
        torch.save({"model": own, "model_args": arguments} | {n: v for n, v in changes if n == "model"}, path)
        with fuzz.answer():
            gpt2.load(path)

    strange = st.sampled_from(["lm_head.weight", "transformer.h.7.ln_1.weight", "x", 3, "transformer.h.0.ln_1.weight"])
    tensors = st.lists(st.tuples(strange, values), max_size=2)
    fuzz(claim, 30, changes=st.lists(st.tuples(names, values), max_size=2), tensors=tensors)
    torch.save({"model": state, "model_args": nano_arguments(True)}, path)
    by_bytes, whole = replaced(fuzz, path, lambda: gpt2.load(path))
    fuzz(by_bytes, 30, content=fuzz.spoiled(whole))


@pytest.fixture
def copy(small, tmp_path):
    return shutil.copytree(small, tmp_path / "copy")


@pytest.mark.parametrize(
    "name", [*JSON, "added_tokens.json", "special_tokens_map.json", "model.safetensors.index.json"]
)
@pytest.mark.parametrize("deep", ["[", '{"a":', '{"weight_map":'])
def test_thousands_of_brackets_are_refused_with_the_name_of_the_file(copy, name, deep):
    (copy / "model.safetensors").unlink() if name.endswith("index.json") else None
    (copy / name).write_text(deep * 100_000)
    with pytest.raises(ValueError, match=rf"{name}.*wanted|wanted .*{name}"):
        gpt2.load(copy)
