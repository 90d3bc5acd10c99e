"""llm.c's checkpoints are read to the same logits; what is damaged is refused."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

import gpt2
from gpt2.files.names import to_published

from ..conftest import CONFIG

LINEAR = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


def llm_c(path: Path, model: gpt2.GPT2, version: int, padded: int = 384, magic: int = 20240326) -> Path:
    """Write a checkpoint as llm.c's `write_model` does."""
    c = model.config
    state = {n.removeprefix("transformer."): t for n, t in to_published(model.state_dict(), c.n_layer).items()}
    state["wte.weight"] = functional.pad(state["wte.weight"], (0, 0, 0, padded - c.n_vocab), value=7.0)
    kinds = [f"{kind}.{end}" for kind in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
             for end in ("weight", "bias")]  # fmt: skip
    order = [f"h.{i}.{kind}" for kind in kinds for i in range(c.n_layer)]
    with path.open("wb") as file:
        head = [magic, version, c.n_ctx, c.n_vocab, c.n_layer, c.n_head, c.n_embd, padded]
        file.write(struct.pack("<256i", *head, *[0] * (256 - len(head))))
        for name in ["wte.weight", "wpe.weight", *order, "ln_f.weight", "ln_f.bias"]:
            tensor = state[name].T if name.endswith(LINEAR) else state[name]
            kind = torch.float32 if version == 3 else torch.bfloat16
            file.write(tensor.contiguous().to(kind).view(torch.uint8).numpy().tobytes())
    return path


def test_llm_c_checkpoints_give_the_same_logits(model, tokenizer, tokens, tmp_path):
    wanted = model(tokens)
    ours, _ = gpt2.load(llm_c(tmp_path / "a.bin", model, 3), tokenizer=tokenizer)
    assert ours.n_vocab == CONFIG.n_vocab
    assert torch.equal(ours(tokens), wanted)
    half, _ = gpt2.load(llm_c(tmp_path / "b.bin", model, 5), tokenizer=tokenizer)
    rounded = gpt2.GPT2(CONFIG)
    rounded.load_state_dict({name: t.bfloat16().float() for name, t in model.state_dict().items()})
    assert torch.equal(half(tokens), rounded.eval()(tokens))


def test_damaged_llm_c_checkpoints_are_refused(model, tokenizer, tmp_path):
    path = llm_c(tmp_path / "a.bin", model, 2)
    with pytest.raises(ValueError, match=r"version 3 .* got 2"):
        gpt2.load(path)
    llm_c(path, model, 3)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"wanted [\d,]+ weights after the header"):
        gpt2.load(path)
    with pytest.raises(ValueError, match=r"wanted an llm.c checkpoint \(magic"):
        gpt2.load(llm_c(path, model, 3, magic=1))
    with pytest.raises(ValueError, match=r"wanted vocab.json and merges.txt beside it"):
        gpt2.load(llm_c(path, model, 3))
    tokenizer.save(tmp_path, n_ctx=24)
    assert gpt2.load(path)[1].fingerprint == tokenizer.fingerprint


@pytest.mark.parametrize("place", [2, 3, 4, 6])
def test_a_header_of_another_size_is_refused_before_anything_is_made(place, model, tmp_path):
    path = llm_c(tmp_path / "model.bin", model, 3)
    header = np.fromfile(path, dtype="<i4", count=256)
    header[place] = header[5] * (2**30 // int(header[5]))
    header[7] = max(header[7], header[3])
    path.write_bytes(header.tobytes() + path.read_bytes()[1024:])
    with pytest.raises(ValueError, match=r"wanted [\d,]+ weights after the header"):
        gpt2.load(path, tokenizer=tmp_path)
