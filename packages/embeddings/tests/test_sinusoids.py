"""Sinusoids against the paper's formula."""

import math

import numpy as np
import pytest
import torch

from embeddings import (
    contract,
    sinusoidal_positions,
    wavelengths,
)


def test_sinusoids_are_those_of_the_formula():
    table = sinusoidal_positions(torch.arange(50), 16).numpy()
    for p in (0, 1, 17, 49):
        for i in range(8):
            angle = p / 10_000 ** (2 * i / 16)
            np.testing.assert_allclose(table[p, [2 * i, 2 * i + 1]], [math.sin(angle), math.cos(angle)], atol=4e-6)


def test_sinusoids_repeat_after_their_wavelength():
    first = wavelengths(8, base=10_000.0)
    assert first[0] == pytest.approx(2 * math.pi)
    assert first[-1] == pytest.approx(2 * math.pi * 10_000 ** (6 / 8), rel=1e-5)


def test_sinusoids_keep_the_contract():
    assert contract.check(lambda positions: sinusoidal_positions(positions, 8), 20)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sinusoidal_positions(torch.arange(2), 5), "even number of channels, at least 2, .*, got 5 and"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)
