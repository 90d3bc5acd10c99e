"""Of several candidates the likeliest, or the one that the others agree with most."""

import pytest

from decoding import (
    Generated,
    GenerationSettings,
    best_of,
    minimum_bayes_risk,
    samples,
)


def test_the_best_of_some_samples_is_the_likeliest_and_the_consensus_the_most_agreeable(tiny_model):
    found = samples(tiny_model, [1, 2], GenerationSettings(max_new_tokens=5, seed=3), 6)
    means = [sum(one.log_probabilities) / 5 for one in found]
    assert best_of(found) is found[means.index(max(means))]
    texts = [(1, 2, 3), (1, 2, 4), (9, 9, 9), (1, 2, 4, 5)]
    rows = [Generated(ids, "max_new_tokens") for ids in texts]
    assert minimum_bayes_risk(rows) is rows[1]
    assert minimum_bayes_risk(rows, lambda hypothesis, reference: float(hypothesis == (9, 9, 9))) is rows[2]
    assert minimum_bayes_risk(rows[:1]) is rows[0]


@pytest.mark.parametrize("attempt", [lambda: best_of([]), lambda: minimum_bayes_risk([])])
def test_nothing_cannot_be_ranked(attempt):
    with pytest.raises(ValueError, match="one or more candidates, got none; draw"):
        attempt()
