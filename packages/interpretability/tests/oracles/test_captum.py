"""Gradient attributions by captum, whose input our model is.

For the session `parity-interpretability`, whose environment has captum; skipped elsewhere.
"""

import pytest
import torch

from interpretability import logit_of, tracing

captum = pytest.importorskip("captum", reason="hands a model to captum: nox -s parity-interpretability")


def test_integrated_gradients_of_the_tokens_add_up_to_the_logit(model, tokens):
    """Completeness (Sundararajan et al. 2017): the parts sum to the logit less that of the baseline."""
    from captum.attr import LayerIntegratedGradients

    logit, baseline = logit_of(model, 7), torch.zeros_like(tokens)
    method = LayerIntegratedGradients(logit, model.token_embedding)
    parts = method.attribute(tokens, baselines=baseline, n_steps=300)
    assert parts.shape == (2, 9, 24)
    with torch.no_grad():
        wanted = logit(tokens) - logit(baseline)
    torch.testing.assert_close(parts.sum(dim=(1, 2)).float(), wanted, atol=0.02, rtol=0.01)


def test_gradient_times_activation_of_a_block_is_that_of_our_trace(model, tokens):
    from captum.attr import LayerGradientXActivation

    logit = logit_of(model, 7, 9)
    theirs = LayerGradientXActivation(logit, model.decoder.blocks[0]).attribute(tokens)
    with tracing(model, "0.resid_post") as found:
        value = logit(tokens).sum()
    stream = found["0.resid_post"]
    ours = torch.autograd.grad(value, stream)[0] * stream
    torch.testing.assert_close(theirs, ours.detach(), atol=1e-5, rtol=1e-4)
