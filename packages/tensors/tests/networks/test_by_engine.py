"""The engine's network, held against the one by hand and torch's: the judge of both."""

import numpy as np
import pytest

from tensors import train_by_engine, train_by_hand, train_by_torch


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_three_ways_give_the_same_losses_and_parameters_for_100_steps(seed):
    (by_hand, ours), (by_engine, engines), (by_torch, theirs) = (
        train(seed) for train in (train_by_hand, train_by_engine, train_by_torch)
    )
    assert len(by_hand) == 100
    np.testing.assert_allclose(by_hand, by_torch, atol=1e-6)
    np.testing.assert_allclose(by_engine, by_torch, atol=1e-6)
    for name in ("w1", "b1", "w2", "b2"):
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-6)
        np.testing.assert_allclose(engines[name], theirs[name], atol=1e-6)
