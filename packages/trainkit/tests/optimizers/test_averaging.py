"""The moving average follows its formula."""

import pytest
from torch import nn

from trainkit import (
    moving_average,
)


def test_the_moving_average_follows_its_formula():
    model = nn.Linear(1, 1, bias=False)
    average, expected = moving_average(model, 0.9), None
    for value in (1.0, 2.0, -3.0):
        nn.init.constant_(model.weight, value)
        average.update_parameters(model)
        expected = value if expected is None else 0.9 * expected + 0.1 * value
        assert average.module.weight.item() == pytest.approx(expected)
