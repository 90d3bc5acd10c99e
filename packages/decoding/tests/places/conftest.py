"""A GPT-2 whose numbers matter, on each way to its logits."""

import pytest
import torch

import gpt2
from decoding import session
from transformer.kernels import native


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = gpt2.GPT2(gpt2.GPT2Config(211, 160, 64, 4, n_layer=2)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.1)
    return model


@pytest.fixture(params=["kernels", "torch"])
def way(request, monkeypatch):
    """By the fused kernels, or by torch."""
    if request.param == "kernels" and native.library() is None:
        pytest.skip("no C++ compiler here")
    monkeypatch.setattr(session, "fused_steps_are_faster", lambda model: request.param == "kernels")
    return request.param
