"""Penalties, bans and biases against transformers' processors, or against a count by hand."""

import pytest
import torch

from decoding import (
    ban,
    dry,
    force_prefix,
    frequency_penalty,
    no_repeat_ngram,
    not_yet,
    presence_penalty,
    repetition_penalty,
    sequence_bias,
)
from decoding.distribution.histories import histories

N_VOCAB = 7


def random_texts(seed, rows=40, length=12, n_vocab=N_VOCAB):
    return torch.randint(n_vocab, (rows, length), generator=torch.Generator().manual_seed(seed))


def random_logits(seed, rows=40):
    return torch.randn(rows, N_VOCAB, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("penalty", [0.5, 1.0, 1.3, 4.0])
def test_repetition_penalty_equals_that_of_transformers(penalty):
    from transformers import RepetitionPenaltyLogitsProcessor

    ids, logits = random_texts(0, length=4), random_logits(1)
    theirs = RepetitionPenaltyLogitsProcessor(penalty)(ids, logits.clone())
    assert torch.equal(repetition_penalty(logits, ids, penalty), theirs)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 12, 13])
def test_repeated_ngrams_are_banned_where_transformers_bans_them(size):
    from transformers import NoRepeatNGramLogitsProcessor

    ids, logits = random_texts(2, n_vocab=3), random_logits(3)
    theirs = NoRepeatNGramLogitsProcessor(size)(ids, logits.clone())
    assert torch.equal(no_repeat_ngram(logits, ids, size), theirs)


def test_biases_and_bans_equal_those_of_transformers():
    from transformers import NoBadWordsLogitsProcessor, SequenceBiasLogitsProcessor

    ids, logits = random_texts(4, n_vocab=3), random_logits(5)
    biases = [((4,), 1.5), ((0, 1), -2.0), ((1, 2, 5), 3.0), ((2, 2), -torch.inf), ((0,) * 20, 9.0)]
    theirs = SequenceBiasLogitsProcessor(dict(biases))(ids, logits.clone())
    assert torch.allclose(sequence_bias(logits, ids, biases), theirs)
    banned = [(3,), (1, 2), (0, 1, 2)]
    theirs = NoBadWordsLogitsProcessor([list(one) for one in banned])(ids, logits.clone())
    assert torch.equal(ban(logits, ids, banned), theirs)


def test_the_end_of_text_waits_as_long_as_in_transformers():
    from transformers import MinNewTokensLengthLogitsProcessor

    logits = random_logits(6)
    for n_new in range(5):
        theirs = MinNewTokensLengthLogitsProcessor(8, 3, 2, device="cpu")(
            random_texts(7, length=8 + n_new), logits.clone()
        )
        assert torch.equal(not_yet(logits, torch.full((40,), n_new), 2, 3), theirs)


def test_frequency_and_presence_count_what_was_generated_and_nothing_else():
    past = histories([[1, 1, 2], [5]], [[3, 3, 4], []], torch.device("cpu"))
    zeros = torch.zeros(2, N_VOCAB)
    assert frequency_penalty(zeros, past.new, 0.5).tolist() == [[0, 0, 0, -1.0, -0.5, 0, 0], [0] * 7]
    assert presence_penalty(zeros, past.new, 0.5).tolist() == [[0, 0, 0, -0.5, -0.5, 0, 0], [0] * 7]


def longest_repeat(text, following):
    """By definition: the most ids before an earlier `following` that equal those at the end of the text."""
    lengths = [
        next((n for n in range(place) if text[place - 1 - n] != text[-1 - n]), place)
        for place in range(1, len(text))
        if text[place] == following
    ]
    return max(lengths, default=0)


def test_dry_penalises_what_would_prolong_a_repetition_and_grows_with_its_length():
    ids, zeros = random_texts(8, n_vocab=2, length=14), torch.zeros(40, N_VOCAB)
    changed = dry(zeros, ids, 0.8, 1.75, 2)
    for text, row in zip(ids.tolist(), changed, strict=True):
        lengths = [longest_repeat(text, token) for token in range(N_VOCAB)]
        expected = [-0.8 * 1.75 ** (n - 2) if n >= 2 else 0.0 for n in lengths]
        assert row.tolist() == pytest.approx(expected)


def test_shorter_histories_are_as_good_as_alone():
    texts = [[1, 2, 1, 2, 1], [2], [1, 2, 3, 1, 2, 3, 1, 2]]
    past = histories(texts, [[]] * 3, torch.device("cpu"))
    logits = random_logits(9, rows=3)
    for change in (
        lambda x, ids: repetition_penalty(x, ids, 1.5),
        lambda x, ids: no_repeat_ngram(x, ids, 2),
        lambda x, ids: dry(x, ids, 1.0),
        lambda x, ids: ban(x, ids, [(1, 5), (2, 3, 4)]),
    ):
        alone = [change(logits[row : row + 1], torch.tensor([text])) for row, text in enumerate(texts)]
        assert torch.equal(change(logits, past.ids), torch.cat(alone))


def test_a_forced_prefix_leaves_one_choice_until_it_is_written():
    forced = force_prefix(random_logits(10, rows=4), torch.tensor([0, 1, 2, 3]), [5, 0])
    assert forced.isfinite().sum(-1).tolist() == [1, 1, N_VOCAB, N_VOCAB]
    assert forced.argmax(-1)[:2].tolist() == [5, 0]
