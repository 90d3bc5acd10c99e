"""Scalings against transformers'."""

import pytest
import torch
from transformers import LlamaConfig
from transformers.models.llama import modeling_llama as llama

from embeddings import (
    RotaryPositions,
    linear_scaling,
    ntk_scaling,
    yarn_scaling,
)

N_CTX = 64


def llama_rotation(x, positions, head_size, **parameters):
    config = LlamaConfig(
        hidden_size=4 * head_size,
        num_attention_heads=4,
        head_dim=head_size,
        max_position_embeddings=N_CTX,
        rope_parameters={"rope_theta": 10_000.0, "rope_type": "default", **parameters},
    )
    cos, sin = llama.LlamaRotaryEmbedding(config)(x, positions)
    return llama.apply_rotary_pos_emb(x, x, cos, sin)[0]


SCALINGS = {
    "linear": (linear_scaling(4.0), {"rope_type": "linear", "factor": 4.0}),
    "yarn": (yarn_scaling(4.0, 16), {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}),
    "yarn, long": (
        yarn_scaling(8.0, 4096),
        {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 4096},
    ),
    "base": (None, {"rope_theta": 500_000.0}),
}


@pytest.mark.parametrize("name", SCALINGS)
def test_scalings_are_those_of_transformers(name):
    scaling, parameters = SCALINGS[name]
    ours = RotaryPositions(32, scaling=scaling) if scaling else RotaryPositions(32, base=500_000.0)
    x, positions = torch.randn(1, 4, N_CTX, 32), torch.arange(N_CTX)
    torch.testing.assert_close(ours(x, positions), llama_rotation(x, positions[None], 32, **parameters))


def test_ntk_scaling_stretches_the_longest_wavelength_only():
    plain, scaled = RotaryPositions(32).frequencies, RotaryPositions(32, scaling=ntk_scaling(4.0)).frequencies
    assert scaled[0] == plain[0]
    assert scaled[-1] * 4 == pytest.approx(float(plain[-1]))
    dynamic = 10_000 * 4 ** (32 / 30)  # Peng et al. 2023, equation 16
    torch.testing.assert_close(scaled, 1 / dynamic ** (torch.arange(0, 32, 2) / 32))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear_scaling(0.5), "a factor of at least 1, got 0.5; it is"),
        (lambda: yarn_scaling(2.0, 0), "n_ctx of at least 1"),
        (lambda: RotaryPositions(2, scaling=ntk_scaling(2.0)), "at least 4 rotated channels, got 2"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)
