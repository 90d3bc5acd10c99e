"""Contrastive search takes the token that its definition takes, step by step."""

import dataclasses

import pytest
import torch

import gpt2
from decoding import (
    GenerationSettings,
    generate_ids,
)

GREEDY = GenerationSettings(max_new_tokens=12, temperature=0)


@pytest.fixture
def model():
    config = gpt2.GPT2Config(n_vocab=23, n_ctx=32, n_embd=16, n_head=2, n_layer=2)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(0)).eval()
    for parameter in model.parameters():
        parameter.data *= 8 if parameter.ndim == 2 else 1
    return model


def contrastive_by_definition(model, prompt, alpha, k, count):
    ids = list(prompt)
    for _ in range(count):
        with torch.no_grad():
            probabilities = model(torch.tensor([ids]))[0, -1].softmax(-1)
            scores = {}
            for token in probabilities.topk(k).indices.tolist():
                states = torch.nn.functional.normalize(model.hidden(torch.tensor([[*ids, token]]))[0], dim=-1)
                likeness = (states[:-1] @ states[-1]).max()
                scores[token] = (1 - alpha) * probabilities[token] - alpha * likeness
        ids.append(max(scores, key=scores.get))
    return tuple(ids[len(prompt) :])


@pytest.mark.parametrize("alpha", [0.3, 0.6])
def test_contrastive_search_takes_the_token_that_its_definition_takes(model, alpha):
    settings = dataclasses.replace(GREEDY, penalty_alpha=alpha, top_k=4)
    rows = generate_ids(model, [[1, 2, 3], [7]], settings)
    assert [row.ids for row in rows] == [contrastive_by_definition(model, p, alpha, 4, 12) for p in ([1, 2, 3], [7])]
    assert [row.ids for row in rows] != [row.ids for row in generate_ids(model, [[1, 2, 3], [7]], GREEDY)]


def test_contrastive_search_needs_a_model_that_shows_its_states(tiny_model):
    with pytest.raises(TypeError, match=r"hidden\(\) and token_embedding, got TinyModel; contrastive"):
        generate_ids(tiny_model, [[1]], dataclasses.replace(GREEDY, penalty_alpha=0.5, top_k=4))
