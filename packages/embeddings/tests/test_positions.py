import numpy as np
import pytest
import torch

from embeddings import (
    LearnedPositions,
)


def test_learned_positions_stretch_as_numpy_interpolates():
    old = LearnedPositions(5, 3)
    new = old.extended(9)
    places = np.linspace(0, 4, 9)
    for channel in range(3):
        expected = np.interp(places, np.arange(5), old.weight[:, channel].detach().numpy())
        np.testing.assert_allclose(new.weight[:, channel].detach().numpy(), expected, rtol=1e-5, atol=1e-8)
    assert torch.equal(new.weight[[0, -1]], old.weight[[0, -1]])


def test_a_slice_of_positions_is_a_slice_of_the_vectors():
    positions = LearnedPositions(9, 4)
    whole = positions(torch.arange(9))
    assert torch.equal(positions(torch.arange(3, 6)), whole[3:6])
    assert torch.equal(positions(torch.tensor([[0, 1], [5, 6]]))[1], whole[5:7])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LearnedPositions(4, 0), r"at least 1, got n_ctx=4, n_embd=0; pass the number"),
        (lambda: LearnedPositions(5, 3)(torch.arange(6)), r"positions from 0 to 4, got 0 to 5, shape \[6\]; shorten"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)
