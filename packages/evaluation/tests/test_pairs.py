"""A context and a continuation are cut as lm-eval cuts them."""

import pytest

import gpt2
from evaluation.pairs import encode_pair, fit_span


@pytest.fixture(scope="module")
def words():
    return gpt2.Tokenizer.train(["the cat and the hat sat on a mat, 世界"] * 3, 280)


def test_spaces_at_the_end_of_a_context_go_to_the_continuation(words):
    assert encode_pair(words, "the ", "cat") == encode_pair(words, "the", " cat")
    assert encode_pair(words, "", "cat") == ([words.end_of_text], words.encode("cat"))


def test_a_beginning_that_does_not_fit_is_cut_from_the_left(models):
    model = models.random(31, 8, scale=1)
    assert fit_span(model, list(range(20)), [1, 2]).ids == (*range(13, 20), 1, 2)
    assert fit_span(model, [3], [1, 2]).ids == (3, 1, 2)
    assert fit_span(model, [3], [1, 2]).scored == 2


def test_what_leaves_nothing_to_score_or_no_room_is_refused(models, words):
    with pytest.raises(ValueError, match="wanted a continuation with tokens of its own, got '' after 'the'; give it"):
        encode_pair(words, "the", "")
    with pytest.raises(ValueError, match=r"at most 8 tokens \(the model's n_ctx\), got 9; shorten"):
        fit_span(models.random(31, 8, scale=1), [3], [1] * 9)
