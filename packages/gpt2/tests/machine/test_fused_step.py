"""Which models can be called as one, and that nobody can tell by the logits."""

import copy

import pytest
import torch
from torch import nn

from gpt2 import GPT2, GPT2Config, whole_step
from transformer.kernels import native
from transformer.kernels.fused import with_fused_steps


@pytest.fixture
def model():
    if native.library() is None:
        pytest.skip("no C++ compiler here: no model is called as one")
    model = GPT2(GPT2Config(61, 32, 48, 4, n_layer=2), generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) * 0.1)
    return model


@torch.inference_mode()
def test_a_gpt2_is_called_as_one_with_the_same_logits(model):
    step = whole_step(with_fused_steps(model))
    ours, theirs = model.new_cache(2), model.new_cache(2)
    for rows in ([[1, 2, 3], [4, 5, 6]], [[7], [8]], [[60], [0]]):
        logits, likeliest = step(rows, ours, last_only=True)
        wanted = model(torch.tensor(rows), cache=theirs, last_only=True)
        assert (logits - wanted).abs().max() < 1e-5 * wanted.abs().max()
        assert likeliest == wanted.argmax(-1).tolist()


def test_models_that_are_another_are_not(model):
    class Own(GPT2):
        """Whose forward may be another."""

    assert whole_step(model) is None  # its blocks are not fused
    assert whole_step(nn.Linear(2, 2)) is None
    assert whole_step(object()) is None
    assert whole_step(with_fused_steps(Own(model.config))) is None
    for name in ("token_embedding", "position_embedding"):
        other = copy.deepcopy(model)
        setattr(other, name, nn.Embedding(61, 48))
        assert whole_step(with_fused_steps(other)) is None
    other = copy.deepcopy(model)
    other.final_norm = nn.LayerNorm(48)
    assert whole_step(with_fused_steps(other)) is None
    assert whole_step(with_fused_steps(model)) is not None
