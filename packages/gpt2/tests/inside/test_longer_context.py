"""Longer contexts by interpolated positions: against NumPy's interpolation and in `transformers`."""

import numpy as np
import pytest
import torch

import gpt2


def test_positions_are_numpys_interpolation_and_all_else_stays(model):
    longer = gpt2.extend_context(model, 61)
    old, new = (m.position_embedding.weight.detach().numpy() for m in (model, longer))
    wanted = [np.interp(np.linspace(0, 23, 61), np.arange(24), column) for column in old.T]
    np.testing.assert_allclose(new.T, wanted, atol=1e-6)
    rest = dict(longer.named_parameters())
    del rest["position_embedding.weight"]
    for name, parameter in rest.items():
        assert torch.equal(parameter, model.get_parameter(name)), name
        assert parameter is not model.get_parameter(name), name


@torch.inference_mode()
def test_only_the_extended_model_takes_longer_texts(model):
    longer, text = gpt2.extend_context(model, 48), torch.randint(300, (2, 48))
    assert longer(text).shape == (2, 48, 300)
    cache = longer.new_cache(2)
    parts = [longer(text[:, :30], cache), longer(text[:, 30:], cache)]
    torch.testing.assert_close(torch.cat(parts, dim=1), longer(text), atol=1e-5, rtol=0)
    assert longer.config.n_ctx == longer.n_ctx == 48
    assert model.n_ctx == 24
    with pytest.raises(ValueError, match=r"at most 24 \(n_ctx\)"):
        model(text)
    with pytest.raises(ValueError, match=r"at most 48 \(n_ctx\)"):
        longer(torch.zeros(1, 49, dtype=torch.long))


@pytest.mark.parametrize("n_ctx", [24, 12])
def test_a_context_that_is_no_longer_is_refused(model, n_ctx):
    with pytest.raises(ValueError, match=f"more than the model's 24, got {n_ctx}"):
        gpt2.extend_context(model, n_ctx)


@torch.no_grad()
def test_saved_it_opens_here_and_in_transformers(model, tokenizer, tmp_path, transformers):
    longer, text = gpt2.extend_context(model, 48), torch.randint(300, (2, 48))
    gpt2.save(tmp_path, longer, tokenizer)
    assert torch.equal(gpt2.load(tmp_path)[0](text), longer(text))
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(theirs(text).logits, longer(text), atol=1e-5, rtol=0)
