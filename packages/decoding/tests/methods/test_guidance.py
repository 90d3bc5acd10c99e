"""Guidance weighs the prompt as defined, and as transformers does."""

import dataclasses

import pytest
import torch

from decoding import (
    GenerationSettings,
    GuidedModel,
    generate_ids,
)

GREEDY = GenerationSettings(max_new_tokens=12, temperature=0)


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


@pytest.mark.parametrize("more", [{}, {"temperature": 0, "beams": 3}, {"prompt_lookup_tokens": 3}])
@pytest.mark.parametrize("prompts", [[[3]], [[3], [4, 5, 6], list(range(20))]])
def test_a_longer_negative_prompt_fills_the_context_sooner_and_ends_the_row(models, more, prompts):
    model = GuidedModel(models.Tiny(n_ctx=28).eval(), negative=list(range(10)))
    rows = generate_ids(model, prompts, GenerationSettings(max_new_tokens=100, **more))
    for prompt, row in zip(prompts, rows, strict=True):
        assert row.finish_reason == "length"
        assert max(len(prompt), 10) + len(row.ids) == 28


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), 1e300])
def test_a_scale_that_is_no_ordinary_number_is_refused(tiny_model, scale):
    with pytest.raises(ValueError, match="wanted a scale that is an ordinary number"):
        GuidedModel(tiny_model, scale)
