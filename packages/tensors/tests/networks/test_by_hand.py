import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tensors import initial_parameters, load_penguins, train_by_hand
from tensors.networks.by_hand import loss_and_gradients


def test_the_seed_decides():
    assert train_by_hand(0, steps=3)[0] == train_by_hand(0, steps=3)[0] != train_by_hand(1, steps=3)[0]


def test_the_hidden_layer_beats_the_best_straight_line():
    x, classes = load_penguins()
    _, p = train_by_hand(0)
    ours = ((np.tanh(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]).argmax(axis=1) == classes).mean()
    line = LogisticRegression(C=1e6).fit(x, classes).score(x, classes)
    assert line < 0.65
    assert ours > 0.80


def test_gradients_by_hand_are_the_slopes_of_the_loss():
    x, classes = load_penguins()
    parameters = initial_parameters(3)
    _, gradients = loss_and_gradients(parameters, x, classes)
    for name, array in parameters.items():
        for place in np.ndindex(array.shape):
            losses = []
            for nudge in (1e-5, -1e-5):
                nudged = {key: value.copy() for key, value in parameters.items()}
                nudged[name][place] += nudge
                losses.append(loss_and_gradients(nudged, x, classes)[0])
            assert gradients[name][place] == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=1e-8)
