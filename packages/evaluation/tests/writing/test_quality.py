"""Variety measured on texts whose answer is known, BLEU against sacrebleu."""

import pytest
import torch

from evaluation import quality_report
from evaluation.writing.quality import bleu, distinct_n, repetition_rate, self_bleu

WORDS = ["the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "tree"]


def texts(n, length, seed=0):
    draws = torch.Generator().manual_seed(seed)
    return [[WORDS[i] for i in torch.randint(len(WORDS), (length + k % 4,), generator=draws)] for k in range(n)]


@pytest.mark.extras
@pytest.mark.parametrize("length", [2, 4, 9, 30])
def test_bleu_is_that_of_sacrebleu(length):
    sacrebleu = pytest.importorskip("sacrebleu", reason="sacrebleu comes with the extra lm-eval")
    rows = texts(6, length)
    for number, row in enumerate(rows):
        others = rows[:number] + rows[number + 1 :]
        expected = sacrebleu.sentence_bleu(
            " ".join(row), [" ".join(other) for other in others], tokenize="none", smooth_method="floor",
            smooth_value=0.1, use_effective_order=True,
        ).score  # fmt: skip
        assert 100 * bleu(row, others) == pytest.approx(expected, rel=1e-6)


def test_self_bleu_is_the_mean_over_texts_against_the_others():
    rows = texts(4, 12)
    assert self_bleu(rows) == pytest.approx(sum(bleu(r, rows[:i] + rows[i + 1 :]) for i, r in enumerate(rows)) / 4)
    assert self_bleu([rows[0]] * 3) == pytest.approx(1.0)
    assert self_bleu([list("abcdef"), list("ghijkl")]) < 0.05


def test_distinct_n_counts_different_runs_of_words_over_all_texts():
    rows = [list("aab"), list("ab")]
    assert distinct_n(rows, 1) == 2 / 5
    assert distinct_n(rows, 2) == 2 / 3
    assert distinct_n(rows, 4) == 0.0


def test_a_loop_repeats_and_a_list_of_different_words_does_not():
    assert repetition_rate([list("abcd") * 25]) == pytest.approx(1 - 4 / 97)
    assert repetition_rate([list("abcdefgh")]) == 0.0
    assert repetition_rate([list("abcdefgh")] * 2) == 0.0  # repeated in itself, not across texts
    assert repetition_rate([["a"]]) == 0.0


def test_the_report_holds_every_measure():
    rows = texts(5, 10)
    report = quality_report([" ".join(row) for row in rows])
    assert report.distinct == {n: distinct_n(rows, n) for n in (1, 2, 3)}
    assert (report.self_bleu, report.repetition_rate) == (self_bleu(rows), repetition_rate(rows))
    assert (report.n_texts, report.n_words) == (5, sum(map(len, rows)))
    assert quality_report(["one text"]).self_bleu is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: quality_report([]), "wanted texts with words in them, got 0 texts without any; generate"),
        (lambda: quality_report(["", " "]), "got 2 texts without any"),
        (lambda: quality_report(["a", ""]), "wanted at least 2 texts, all with words, got 2 of which 1 are empty"),
        (lambda: self_bleu([["a"]]), "got 1 of which 0 are empty"),
    ],
)
def test_texts_without_words_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_one_text_is_no_list_of_its_letters():
    with pytest.raises(TypeError, match=r"wanted a list of texts, got one text, 'import'; write \['import'\] for"):
        quality_report("import")
