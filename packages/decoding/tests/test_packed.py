"""Which library multiplies, and from which layout, changes no id and no file."""

import pytest
import torch
from torch import nn

import gpt2
from decoding import GenerationSettings, generate_ids
from evaluation import score_tokens, spans
from tensors import PackedWeights, onednn_is_there
from tensors.machine import packed

pytestmark = pytest.mark.skipif(not onednn_is_there(), reason="this torch has no oneDNN to pack for")


@pytest.fixture(autouse=True)
def small_weights_count(monkeypatch):
    monkeypatch.setattr(packed, "SMALLEST", 64)


@pytest.fixture(scope="module")
def model():
    config = gpt2.GPT2Config(n_vocab=90, n_ctx=64, n_embd=32, n_head=4, n_layer=2)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(1)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(12 if parameter.ndim > 1 else 1)
    return model


@pytest.mark.parametrize("rows", [1, 2, 8])
def test_a_packed_layer_is_the_layer(rows):
    layer, x = nn.Linear(48, 24), torch.randn(rows, 48)
    with torch.inference_mode(), PackedWeights() as weights:
        result = layer(x)
    assert len(weights.packed) == (rows > 1), "one row is read without"
    torch.testing.assert_close(result, layer(x), rtol=1e-5, atol=1e-5)


def test_a_weight_that_changed_is_packed_again():
    layer, x, weights = nn.Linear(48, 24), torch.randn(3, 48), PackedWeights()
    for _ in range(2):
        with torch.inference_mode(), weights:
            result = layer(x)
        torch.testing.assert_close(result, layer(x), rtol=1e-5, atol=1e-5)
        with torch.no_grad():
            layer.weight.add_(1)


@pytest.mark.parametrize("faster", [True, False])
@pytest.mark.parametrize("settings", [{}, {"beams": 3}, {"prompt_lookup_tokens": 3}])
def test_ids_and_scores_do_not_depend_on_the_library(model, monkeypatch, faster, settings):
    prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9]][: 3 if "prompt_lookup_tokens" not in settings else 1]
    asked = GenerationSettings(max_new_tokens=24, temperature=0, **settings)
    plain = generate_ids(model, prompts, asked, pack=False)
    monkeypatch.setattr("tensors.machine.products.onednn_is_faster", lambda: faster)
    kept = PackedWeights()
    assert [row.ids for row in generate_ids(model, prompts, asked, pack=kept)] == [row.ids for row in plain]
    assert kept.packed
    expected = nn.functional.cross_entropy(model(torch.arange(40)[None])[0, :-1], torch.arange(1, 40), reduction="none")
    torch.testing.assert_close(score_tokens(model, list(range(40))).nats, expected.detach(), rtol=1e-4, atol=1e-4)


def test_many_calls_that_score_share_packed_weights_and_few_pack_none(model, monkeypatch):
    made = []
    monkeypatch.setattr(spans, "PackedWeights", lambda: made.append(PackedWeights()) or made[-1])
    monkeypatch.setattr(spans, "onednn_is_faster", lambda: True)
    texts = [spans.Span(tuple(range(n, n + 40)), 39) for n in range(20)]
    plain = spans.score_spans(model, texts)
    assert not made, "one call"
    packed_for = spans.score_spans(model, texts, tokens_per_batch=40)
    assert len(made) == 1
    assert made[0].packed
    for ours, theirs in zip(packed_for, plain, strict=True):
        torch.testing.assert_close(ours.nats, theirs.nats, rtol=1e-4, atol=1e-4)
