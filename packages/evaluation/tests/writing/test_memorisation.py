"""The longest copied span is the one that brute force finds."""

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from evaluation import CopiedSpan, longest_copied_span
from evaluation.writing import memorisation


def brute_force(text, training):
    for length in range(min(len(text), len(training)), 0, -1):
        for start in range(len(text) - length + 1):
            if text[start : start + length] in training:
                return length, start
    return 0, 0


TEXTS = st.one_of(st.text("ab", min_size=1, max_size=40), st.text(min_size=1, max_size=12))


@given(TEXTS, TEXTS)
@example("世界🙂b", "a世界🙂")
@example("a" * 30, "a" * 40)
@example("aaab", "b")
def test_the_span_is_the_longest_and_stands_in_both(text, training):
    span = longest_copied_span(text, training)
    length, start = brute_force(text, training)
    assert (span.length, span.start) == (length, start)
    assert span.text == text[start : start + length]
    assert training[span.training_start : span.training_start + length] == span.text


@given(st.text("abc", min_size=1, max_size=25), st.text("abc", min_size=1, max_size=25))
def test_no_hash_is_believed(text, training):
    """With a hash that is the same for all windows every answer still is right."""
    kept, memorisation.BASE = memorisation.BASE, 1
    try:
        span = longest_copied_span(text, training)
    finally:
        memorisation.BASE = kept
    assert (span.length, span.start) == brute_force(text, training)


def test_a_copied_sentence_is_found_in_a_long_text():
    training = "".join(f"line {number * 7919 % 20011} of it\n" for number in range(20_000))
    span = longest_copied_span("I say:§" + training[200_000:200_060] + "!!", training)
    assert span == CopiedSpan(60, 7, 200_000, training[200_000:200_060])


@pytest.mark.parametrize("pair", [("", "a"), ("a", "")])
def test_nothing_to_compare_is_refused(pair):
    with pytest.raises(ValueError, match=r"wanted a text and the training text, got . and . characters; give both"):
        longest_copied_span(*pair)
