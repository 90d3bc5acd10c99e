"""Percentiles and medians, against numpy and by hand."""

import math

import numpy as np
import pytest

from serving.bench.client import Answer
from serving.bench.driving import Turn
from serving.bench.figures import figures, percentile, table


def answer(first, pause, tokens, status=200, whole=True):
    return Answer(status, [first + pause * i for i in range(tokens)], first + pause * tokens, tokens, "length", whole)


@pytest.mark.parametrize("percent", [1, 50, 90, 99, 100])
@pytest.mark.parametrize("count", [1, 2, 9, 100, 101])
def test_percentiles_are_numpy_s_nearest_ranks(percent, count):
    values = np.random.default_rng(count).standard_normal(count)
    assert percentile(values.tolist(), percent) == np.percentile(values, percent, method="inverted_cdf")


def test_no_values_have_no_percentile():
    assert math.isnan(percentile([], 50))


def test_figures_are_medians_over_turns_and_leave_out_what_was_cut():
    turns = [
        Turn([answer(0.1, 0.01, 10), answer(0.2, 0.02, 10), answer(9.0, 9.0, 99, whole=False)], 2.0),
        Turn([answer(0.1, 0.01, 10), answer(0.0, 0.0, 0, status=429)], 0.5),
        Turn([answer(0.1, 0.01, 10)], 2.0),
    ]
    found = figures(turns)
    assert found.tokens_a_second == 10.0  # of 10, 20, 5
    assert found.requests_a_second == 1.0  # of 1, 2, 0.5
    assert found.first == pytest.approx((100, 200, 200))
    assert found.between == pytest.approx((10, 20, 20))
    assert found.statuses == {"200": 4, "429": 1, "cut": 1}


def test_the_table_says_how_two_compare():
    fast, slow = [Turn([answer(0.1, 0.01, 10)], 1.0)] * 2, [Turn([answer(0.1, 0.01, 10)], 2.0)] * 2
    lines = table(["http://a", "http://b"], [fast, slow])
    assert lines[-1] == "http://a writes 2.00 times the tokens of http://b (turns: 2.00, 2.00)"
    assert "100.0 / 100.0 / 100.0" in lines[2]
    assert "200: 2" in lines[3]
