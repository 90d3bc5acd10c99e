"""Our names of the tensors against those of `transformers`, both ways."""

import pytest
import torch

import gpt2
from gpt2.files.names import from_published, published_names, to_published

from ..conftest import CONFIG


def test_names_and_shapes_are_those_of_transformers(transformers):
    config = transformers.GPT2Config(vocab_size=300, n_positions=24, n_embd=32, n_head=4, n_layer=3)
    theirs = transformers.GPT2LMHeadModel(config).state_dict()
    ours = to_published(gpt2.GPT2(CONFIG).state_dict(), CONFIG.n_layer)
    del theirs["lm_head.weight"]  # tied
    assert {n: t.shape for n, t in ours.items()} == {n: t.shape for n, t in theirs.items()}


@pytest.mark.parametrize("name", gpt2.PUBLISHED)
def test_published_names_and_shapes_are_those_of_transformers(name, transformers):
    c = gpt2.PUBLISHED[name]
    shape = {"vocab_size": c.n_vocab, "n_positions": c.n_ctx, "n_embd": c.n_embd, "n_head": c.n_head}
    with torch.device("meta"):
        theirs = transformers.GPT2LMHeadModel(transformers.GPT2Config(**shape, n_layer=c.n_layer)).state_dict()
        ours = to_published(gpt2.GPT2(c).state_dict(), c.n_layer)
    del theirs["lm_head.weight"]  # tied
    assert {n: t.shape for n, t in ours.items()} == {n: t.shape for n, t in theirs.items()}


def test_names_without_the_prefix_and_with_old_mask_buffers_are_read(model):
    published = to_published(model.state_dict(), CONFIG.n_layer)
    as_on_the_hub = {name.removeprefix("transformer."): tensor for name, tensor in published.items()}
    as_on_the_hub["h.0.attn.bias"] = torch.ones(1, 1, 24, 24)
    as_on_the_hub["lm_head.weight"] = as_on_the_hub["wte.weight"]
    back = from_published(as_on_the_hub, CONFIG.n_layer, 32, 300, 24)
    assert back.keys() == dict(model.named_parameters()).keys() == published_names(CONFIG.n_layer).keys()
    assert all(torch.equal(back[name], parameter) for name, parameter in model.named_parameters())


def test_a_classifier_is_refused_by_its_name(model):
    published = to_published(model.state_dict(), CONFIG.n_layer) | {"score.weight": torch.zeros(2, 32)}
    with pytest.raises(ValueError, match=r"wanted a language model, got a classifier, .* `finetuning label`"):
        from_published(published, CONFIG.n_layer, 32, 300, 24)
