"""What agreement means."""

import numpy as np
import pytest

from serving.hand_off.probe import TEXT, agreement, logits_of, probe_ids


def test_agreement_counts_likeliest_tokens_and_measures_the_largest_difference():
    ours = np.array([[0.0, 1.0], [2.0, 1.0], [0.0, 3.0]])
    theirs = np.array([[0.0, 1.0], [1.4, 1.5], [0.0, 3.0]])
    found = agreement(ours, theirs, close=0.5)
    assert (found.places, found.same_choice) == (3, 2)
    assert found.largest_difference == pytest.approx(0.6)


@pytest.mark.parametrize("wrong", [np.zeros((3, 2)) + 9, np.full((3, 2), np.nan), np.zeros((2, 2))])
def test_what_is_far_off_or_no_number_is_refused(wrong):
    with pytest.raises(ValueError, match="logits: wanted"):
        agreement(np.array([[0.0, 1.0], [2.0, 1.0], [0.0, 3.0]]), wrong, close=0.1)


def test_the_probe_is_as_long_as_the_context_allows(model, tokenizer):
    ids = probe_ids(model, tokenizer)
    assert tokenizer.decode(ids) == TEXT
    assert logits_of(model, ids).shape == (len(ids), model.n_vocab)
