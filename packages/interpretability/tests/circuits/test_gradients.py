"""The function that captum is given: the model's own logit, with gradients; captum itself is met in tests/oracles."""

import pytest
import torch

import quantization
from interpretability import logit_of


def test_it_is_the_models_logit_with_gradients_to_the_table(model, tokens):
    with torch.no_grad():
        logits = model(tokens)[:, -1]
    assert torch.equal(logit_of(model, 7)(tokens), logits[:, 7])
    difference = logit_of(model, 7, 9)(tokens)
    torch.testing.assert_close(difference, logits[:, 7] - logits[:, 9])
    difference.sum().backward()
    assert model.token_embedding.weight.grad.abs().sum() > 0


def test_a_quantized_model_and_unknown_ids_are_refused(make_model):
    small = quantization.quantize(make_model(n_embd=32, n_head=2), "int8")
    with pytest.raises(ValueError, match="gradients: wanted a model with floating-point weights, got a quantized one"):
        logit_of(small, 7)
    with pytest.raises(ValueError, match="wanted ids from 0 to 299, got -1"):
        logit_of(make_model(), -1)
