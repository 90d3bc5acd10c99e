"""A session asks the model the same whichever library multiplies, and holds what its rows have read."""

import pytest
import torch

import gpt2
from decoding import GenerationSettings, generate_ids
from decoding.session import Session
from tensors import PackedWeights, onednn_is_there
from tensors.machine import packed


@pytest.fixture(scope="module")
def model():
    config = gpt2.GPT2Config(n_vocab=90, n_ctx=64, n_embd=32, n_head=4, n_layer=2)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(1)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(12 if parameter.ndim > 1 else 1)
    return model


@pytest.mark.skipif(not onednn_is_there(), reason="this torch has no oneDNN to pack for")
@pytest.mark.parametrize("faster", [True, False])
@pytest.mark.parametrize("settings", [{}, {"beams": 3}, {"prompt_lookup_tokens": 3}])
def test_ids_do_not_depend_on_the_library(model, monkeypatch, faster, settings):
    monkeypatch.setattr(packed, "SMALLEST", 64)
    monkeypatch.setattr("tensors.machine.products.onednn_is_faster", lambda: faster)
    monkeypatch.setattr("decoding.session.fused_steps_are_faster", lambda model: False)
    prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9]][: 3 if "prompt_lookup_tokens" not in settings else 1]
    asked = GenerationSettings(max_new_tokens=24, temperature=0, **settings)
    plain = generate_ids(model, prompts, asked, pack=False)
    kept = PackedWeights()
    assert [row.ids for row in generate_ids(model, prompts, asked, pack=kept)] == [row.ids for row in plain]
    assert kept.packed


def test_rows_are_fed_selected_and_cut_as_one_feeds_whole_texts(tiny_model):
    session = Session(tiny_model, 2, 10)
    session.feed([[1, 2, 3], [4]])
    session.select([1, 0, 0])
    assert session.held == [1, 3, 3]
    session.cut([1, 2, 3])
    expected = [tiny_model(torch.tensor([text]))[0, -1] for text in ([4, 5], [1, 2, 6], [1, 2, 3, 7])]
    assert torch.allclose(session.feed([[5], [6], [7]]), torch.stack(expected), atol=1e-5)


def test_a_cache_that_cannot_be_cut_is_named_where_tokens_are_taken_back(tiny_model):
    session = Session(tiny_model, 1, 10)
    session.feed([[1, 2]])
    session.cut([2])  # nothing is taken back
    session.cache = type("Plain", (), {"lengths": session.cache.lengths})()
    with pytest.raises(TypeError, match=r"wanted a cache with cut\(lengths\), got Plain without; it is needed where"):
        session.cut([1])
