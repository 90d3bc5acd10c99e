"""A position table that begins as sinusoids, and a Muon that sees queries, keys and values apart."""

import numpy as np
import pytest
import torch

from gpt2 import GPT2, GPT2Config, recipe
from gpt2.training.optimizing import optimizer_of
from gpt2.training.waves import start_from_sinusoids

SHAPE = GPT2Config(n_vocab=24, n_ctx=32, n_embd=16, n_head=2, n_layer=2)


def waves() -> torch.Tensor:
    model = GPT2(SHAPE, generator=torch.Generator().manual_seed(0))
    start_from_sinusoids(model)
    return model.position_embedding.weight.detach()


def test_the_table_is_that_of_the_formula():
    """Attention is all you need, section 3.5, with a longest wavelength of about ten contexts."""
    places, pairs = np.arange(32)[:, None], np.arange(8)
    angles = places / (10 * 32 / (2 * np.pi)) ** (2 * pairs / 16)
    wanted = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(32, 16)
    np.testing.assert_allclose(waves(), wanted / np.sqrt((wanted**2).mean()) * 0.1, atol=1e-6)


def test_equal_distances_look_alike_and_one_matrix_steps_back():
    table = waves().double()
    alike = table @ table.T
    for distance in range(32):
        assert alike.diagonal(distance).std(correction=0) < 1e-6
    step = torch.linalg.lstsq(table[1:], table[:-1]).solution
    torch.testing.assert_close(table[1:] @ step, table[:-1], atol=1e-5, rtol=0)


def test_an_odd_width_is_refused():
    with pytest.raises(ValueError, match=r"--sinusoid-start: wanted an even width, .*got 3"):
        start_from_sinusoids(GPT2(SHAPE.replace(n_embd=3, n_head=1)))


@pytest.mark.parametrize("split", [False, True])
def test_muon_takes_queries_keys_and_values_for_three_matrices_where_asked(split):
    model = GPT2(SHAPE, generator=torch.Generator().manual_seed(0))
    groups = optimizer_of(model, recipe("tiny").replace(muon_split=split)).param_groups
    cut = [p.shape for group in groups if group["pieces"] == 3 for p in group["params"]]
    assert cut == ([(48, 16)] * 2 if split else [])
    assert sum(p.numel() for group in groups for p in group["params"]) == SHAPE.n_parameters
