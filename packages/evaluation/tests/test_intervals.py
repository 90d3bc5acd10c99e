"""Intervals and p-values against SciPy and against brute force."""

from itertools import product

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.stats import binomtest, bootstrap, t as student, ttest_1samp

from evaluation import compare_units, estimate, mean_estimate, share, sign_test
from evaluation.intervals import t_quantile


def draws(n, seed=0):
    return torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_sign_test_is_the_binomial_test_of_scipy(wins, losses):
    expected = binomtest(wins, wins + losses, 0.5).pvalue if wins + losses else 1.0
    assert sign_test(wins, losses) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_the_sign_test_counts_the_coin_tosses_at_least_as_uneven(n):
    for wins in range(n + 1):
        uneven = [sum(tosses) for tosses in product((0, 1), repeat=n)]
        as_uneven = sum(abs(2 * heads - n) >= abs(2 * wins - n) for heads in uneven)
        assert sign_test(wins, n - wins) == pytest.approx(as_uneven / 2**n)


@pytest.mark.parametrize("freedom", [1, 2, 4, 9, 30, 1000])
def test_quantiles_of_student_are_those_of_scipy(freedom):
    assert t_quantile(freedom) == pytest.approx(student.ppf(0.975, freedom), rel=1e-5)
    assert t_quantile(freedom, 0.5) == pytest.approx(student.ppf(0.75, freedom), rel=1e-4)


@pytest.mark.parametrize("n", [2, 5, 30])
def test_the_interval_of_a_mean_is_that_of_the_t_test(n):
    values = draws(n).tolist()
    ours, theirs = mean_estimate(values), ttest_1samp(values, 0).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-4)
    assert mean_estimate([3.0]).low is None


def test_the_interval_is_that_of_the_percentile_bootstrap():
    values = draws(80).exp()
    ours = estimate(values.tolist())
    theirs = bootstrap((values.numpy(),), np.mean, n_resamples=20_000, method="percentile", rng=0).confidence_interval
    assert ours.value == pytest.approx(values.mean().item())
    width = theirs.high - theirs.low
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.05 * width)


def test_a_ratio_is_resampled_as_a_ratio():
    values, weights = draws(60).abs(), draws(60, 1).exp()
    theirs = bootstrap(
        (values.numpy(), weights.numpy()), lambda v, w: v.sum() / w.sum(), n_resamples=9_999, paired=True,
        vectorized=False, method="percentile", rng=0,
    ).confidence_interval  # fmt: skip
    ours = estimate(values.tolist(), weights.tolist())
    assert ours.value == pytest.approx((values.sum() / weights.sum()).item())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.06 * (theirs.high - theirs.low))


def test_pairs_are_drawn_together():
    """Two models that differ by a constant on texts of very different difficulty: the difference is certain."""
    values = (5 * draws(50)).tolist()
    result = compare_units(values, [value - 0.25 for value in values])
    assert (result.first_higher, result.second_higher, result.ties) == (50, 0, 0)
    assert result.difference.low == pytest.approx(0.25)
    assert result.difference.high == pytest.approx(0.25)
    assert result.first.high - result.first.low > 1
    assert result.p_value == pytest.approx(2 / 2**50)


def test_right_and_wrong_answers_give_the_exact_test_of_mcnemar():
    first, second = [1, 1, 1, 1, 0, 0, 1, 0], [0, 0, 0, 1, 1, 0, 0, 0]
    result = compare_units(first, second)
    assert (result.first_higher, result.second_higher, result.ties) == (4, 1, 3)
    assert result.p_value == pytest.approx(binomtest(4, 5, 0.5).pvalue)


def test_the_same_data_give_the_same_interval_and_another_seed_another_one():
    values = draws(30).tolist()
    assert estimate(values) == estimate(values) != estimate(values, seed=1)


def test_one_unit_has_no_interval():
    assert (estimate([3.0]).low, estimate([3.0]).high) == (None, None)
    assert estimate([3.0]).map(lambda value: -value).value == -3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: estimate([]), "wanted at least one unit .* got values of shape .0. and weights of .0."),
        (lambda: estimate([1.0], [1.0, 2.0]), r"got values of shape .1. and weights of .2.; check the data"),
        (lambda: compare_units([1.0], [1.0, 2.0]), "wanted the same units twice, got 1 and 2; score both"),
    ],
)
def test_units_that_do_not_match_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(("wins", "losses"), [(501, 500), (4_000, 4_200), (60_000, 50_000), (5_000_000, 4_998_000)])
def test_the_sign_test_of_many_units_takes_a_moment(wins, losses):
    expected = binomtest(wins, wins + losses).pvalue
    assert sign_test(wins, losses) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("wrong", [(-1, 3), (3, 2**63)])
def test_the_sign_test_refuses_what_it_cannot_count(wrong):
    with pytest.raises(ValueError, match="wanted 0 to 10,000,000 wins and losses, got "):
        sign_test(*wrong)


@given(st.integers(1, 60), st.integers(0, 60))
def test_the_interval_of_a_share_is_wilsons_of_scipy(n, right):
    right = min(n, right)
    found = share([True] * right + [False] * (n - right))
    expected = binomtest(right, n).proportion_ci(0.95, "wilson")
    assert (found.value, found.low, found.high) == pytest.approx((right / n, expected.low, expected.high), abs=1e-9)
    assert found.low < found.high


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match="wanted at least one unit, got none"):
        share([])
