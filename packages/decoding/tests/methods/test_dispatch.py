"""Settings that ask for a method go to it, and what it could not keep is refused."""

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


@pytest.mark.parametrize("options", [{"penalty_alpha": 0.6, "top_k": 4}, {"prompt_lookup_tokens": 3}])
def test_a_constraint_that_a_method_could_not_keep_is_refused(model, options):
    settings = dataclasses.replace(GREEDY, **options)
    with pytest.raises(ValueError, match=rf"wanted no constraint with {next(iter(options))}, got one; use the plain"):
        generate_ids(model, [[1]], settings, constraints=[lambda ids: torch.ones(23, dtype=torch.bool)])
