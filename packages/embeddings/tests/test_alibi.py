"""ALiBi against transformers' Bloom."""

import pytest
import torch
from transformers.models.bloom.modeling_bloom import build_alibi_tensor

from embeddings import (
    alibi_bias,
    alibi_slopes,
)


@pytest.mark.parametrize("n_head", [1, 2, 3, 6, 8, 12, 16, 25, 112])
def test_slopes_are_blooms_for_any_number_of_heads(n_head):
    theirs = build_alibi_tensor(torch.ones(1, 2), n_head, torch.float32)[:, 0, 1]  # slope times position 1
    torch.testing.assert_close(alibi_slopes(n_head), theirs)


def test_bias_falls_by_the_slope_for_every_step():
    bias = alibi_bias(8, torch.tensor([[4, 5], [0, 1]]), torch.arange(6))
    assert bias.shape == (2, 8, 2, 6)
    assert bias[0, 0, 0].tolist() == [-2.0, -1.5, -1.0, -0.5, 0.0, -0.5]
    assert bias[0, 7, 1, 0] == -5 / 256


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: alibi_slopes(0), "n_head of at least 1, got 0; pass"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)
