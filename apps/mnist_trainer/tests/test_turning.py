"""A run ends before its schedule does only where the validation loss has clearly turned."""

import math
import random

import pytest

from mnist_trainer.turning import Turning


def stopped_at(losses, patience):
    """The epoch after which a run would stop; None for the end of its schedule."""
    turning = Turning(patience)
    for epoch, loss in enumerate(losses, start=1):
        turning.add(loss)
        if turning.turned:
            return epoch
    return None


@pytest.mark.parametrize("seed", range(50))
def test_one_lucky_epoch_at_a_high_rate_stops_nothing(seed):
    """48 epochs whose losses jump by a third, as 500 images show them; the 18th is half of its neighbors."""
    draw = random.Random(seed)
    losses = [0.05 * draw.uniform(0.75, 1.33) for _ in range(48)]
    losses[17] = 0.5 * min(losses)
    assert stopped_at(losses, 24) is None


@pytest.mark.parametrize("level", [1.0, 1.2, 1.4])
def test_a_loss_that_stays_where_it_is_goes_to_the_end(level):
    assert stopped_at([0.5, 0.1, 0.05] + [0.05 * level] * 60, 8) is None


@pytest.mark.parametrize("patience", [1, 3, 8])
def test_a_loss_that_rises_for_good_stops(patience):
    losses = [1 / epoch for epoch in range(1, 21)] + [0.05 * 1.3**epoch for epoch in range(1, 40)]
    epoch = stopped_at(losses, patience)
    assert 20 + patience <= epoch <= 20 + patience + 5


def test_a_recovery_begins_the_count_anew():
    losses = [0.1, 0.2, 0.2, 0.1, 0.2, 0.2, 0.1]
    assert stopped_at(losses, 3) is None
    assert stopped_at([0.1, 0.2, 0.2, 0.2], 1) == 2


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_worse_than_all(odd):
    assert stopped_at([0.1, odd], 1) == 2
    assert stopped_at([0.1] * 3 + [odd] * 5, 3) == 7


def test_the_state_is_the_losses():
    turning = Turning(2, [0.1, 0.5, 0.5])
    turning.add(0.5)
    assert turning.turned
    assert Turning(2, turning.losses).turned
