"""Hidden states and attention maps against `transformers`' own."""

import pytest
import torch

import gpt2


@pytest.fixture
def theirs(model, tokenizer, tmp_path, transformers):
    gpt2.save(tmp_path, model, tokenizer)
    return transformers.AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation="eager").eval()


@torch.no_grad()
def test_states_and_maps_equal_those_of_transformers(model, theirs, tokens):
    ours = gpt2.look_inside(model, tokens)
    output = theirs(tokens, output_hidden_states=True, output_attentions=True)
    torch.testing.assert_close(ours.states, output.hidden_states, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.maps, output.attentions, atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.logits, output.logits, atol=1e-5, rtol=0)


def test_looking_changes_nothing_and_leaves_nothing(model, tokens):
    before = model(tokens)
    assert torch.equal(gpt2.look_inside(model, tokens, maps=False).logits, before)
    with pytest.raises(ValueError, match="at most 24"):
        gpt2.look_inside(model, torch.zeros(1, 25, dtype=torch.long))
    assert torch.equal(model(tokens), before)
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_maps_only_when_wanted_and_states_carry_gradients(model, tokens):
    ours = gpt2.look_inside(model, tokens, maps=False)
    assert ours.maps == ()
    assert len(ours.states) == model.config.n_layer + 1
    (slope,) = torch.autograd.grad(ours.logits.sum(), ours.states[1])
    assert slope.abs().max() > 0
