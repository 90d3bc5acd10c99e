"""Contrastive search, guidance, re-ranking and constraints against their definitions, step by step."""

import dataclasses
import json
import re

import pytest
import torch

import gpt2
from decoding import (
    Generated,
    GenerationSettings,
    GuidedModel,
    best_of,
    generate,
    generate_ids,
    matching_grammar,
    matching_regex,
    matching_schema,
    minimum_bayes_risk,
    samples,
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


@pytest.mark.parametrize("options", [{"penalty_alpha": 0.6, "top_k": 4}, {"prompt_lookup_tokens": 3}])
def test_a_constraint_that_a_method_could_not_keep_is_refused(model, options):
    settings = dataclasses.replace(GREEDY, **options)
    with pytest.raises(ValueError, match=rf"wanted no constraint with {next(iter(options))}, got one; use the plain"):
        generate_ids(model, [[1]], settings, constraints=[lambda ids: torch.ones(23, dtype=torch.bool)])


def test_contrastive_search_needs_a_model_that_shows_its_states(tiny_model):
    with pytest.raises(TypeError, match=r"hidden\(\) and token_embedding, got TinyModel; contrastive"):
        generate_ids(tiny_model, [[1]], dataclasses.replace(GREEDY, penalty_alpha=0.5, top_k=4))


@pytest.mark.parametrize("negative", [None, [5, 6]])
@pytest.mark.parametrize("scale", [1.0, 1.5, 3.0])
def test_guidance_weighs_the_prompt_as_defined(models, scale, negative):
    model, prompts = models.Tiny().eval(), [[1, 2, 3], [4, 5]]
    expected = []
    for prompt in prompts:
        new = []
        for _ in range(12):
            c = model(torch.tensor([[*prompt, *new]]))[0, -1].log_softmax(-1)
            u = model(torch.tensor([[*(negative or prompt[-1:]), *new]]))[0, -1].log_softmax(-1)
            new.append(int((u + scale * (c - u)).argmax()))
        expected.append(tuple(new))
    guided = GuidedModel(model, scale, negative)
    assert [row.ids for row in generate_ids(guided, prompts, GREEDY)] == expected
    one_beam = dataclasses.replace(GREEDY, beams=2, max_new_tokens=3)
    assert generate_ids(guided, prompts, one_beam) == [generate_ids(guided, [p], one_beam)[0] for p in prompts]


def test_guidance_equals_that_of_transformers(models):
    theirs = models.transformers_gpt2(1)
    prompt = torch.tensor([[3, 1, 4, 1, 5]])
    ids = theirs.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=12, do_sample=False, guidance_scale=2.0,
        pad_token_id=0,
    )  # fmt: skip
    row = generate_ids(GuidedModel(models.Transformers(theirs), 2.0), prompt.tolist(), GREEDY)[0]
    assert row.ids == tuple(ids[0, 5:].tolist())


def test_the_best_of_some_samples_is_the_likeliest_and_the_consensus_the_most_agreeable(tiny_model):
    found = samples(tiny_model, [1, 2], GenerationSettings(max_new_tokens=5, seed=3), 6)
    means = [sum(one.log_probabilities) / 5 for one in found]
    assert best_of(found) is found[means.index(max(means))]
    texts = [(1, 2, 3), (1, 2, 4), (9, 9, 9), (1, 2, 4, 5)]
    rows = [Generated(ids, "max_new_tokens") for ids in texts]
    assert minimum_bayes_risk(rows) is rows[1]
    assert minimum_bayes_risk(rows, lambda hypothesis, reference: float(hypothesis == (9, 9, 9))) is rows[2]
    assert minimum_bayes_risk(rows[:1]) is rows[0]


@pytest.mark.parametrize("attempt", [lambda: best_of([]), lambda: minimum_bayes_risk([])])
def test_nothing_cannot_be_ranked(attempt):
    with pytest.raises(ValueError, match="one or more candidates, got none; draw"):
        attempt()


def babbler(models):
    """A model of bytes that would write anything."""
    return models.Table(torch.randn(257, 257, generator=torch.Generator().manual_seed(1)) * 2)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_regular_expression_is_matched_by_every_row(models, tokenizer, beams):
    pytest.importorskip("llguidance", reason="needs the extra `grammar`")
    settings = GenerationSettings(max_new_tokens=40, beams=beams, seed=4)
    constraints = [matching_regex(tokenizer, r"[a-c]{3,5}-(x|yy)") for _ in range(6)]
    rows = generate(babbler(models), tokenizer, ["Hi"] * 6, settings, constraints=constraints)
    assert {row.finish_reason for row in rows} == {"end_of_text"}
    assert all(re.fullmatch(r"[a-c]{3,5}-(x|yy)", row.text) for row in rows)
    assert beams > 1 or len({row.text for row in rows}) > 3


def test_a_schema_and_a_grammar_are_kept(models, tokenizer):
    pytest.importorskip("llguidance", reason="needs the extra `grammar`")
    schema = {
        "type": "object",
        "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 99}, "ok": {"type": "boolean"}},
        "required": ["age", "ok"], "additionalProperties": False,
    }  # fmt: skip
    constraints = [matching_schema(tokenizer, schema), matching_grammar(tokenizer, 'start: "(" start ")" | "x"')]
    settings = GenerationSettings(max_new_tokens=400, seed=4)
    record, nested = generate(babbler(models), tokenizer, ["a", "b"], settings, constraints=constraints)
    read = json.loads(record.text)
    assert set(read) == {"age", "ok"}
    assert 0 <= read["age"] <= 99
    depth = nested.text.index("x")
    assert nested.text == "(" * depth + "x" + ")" * depth


@pytest.mark.parametrize(
    ("matching", "text", "words"),
    [
        (matching_regex, "[0-9", "a regular expression, got one with an error: unclosed character class; correct it"),
        (matching_schema, '{"type": "foo"}', "a JSON schema, got one with an error: Invalid type: foo; correct it"),
        (matching_schema, "{", "a JSON schema, got '{': Expecting property name"),
        (matching_grammar, "start: foo", 'a grammar, got one with an error: at 1(8): unknown name: "foo"; correct it'),
    ],
)
def test_a_form_with_an_error_is_named_with_what_is_wrong(tokenizer, matching, text, words):
    pytest.importorskip("llguidance", reason="needs the extra `grammar`")
    with pytest.raises(ValueError, match=re.escape(f"wanted {words}")):
        matching(tokenizer, text)
