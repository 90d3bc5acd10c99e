import pytest
import torch

from embeddings import (
    WordVectors,
    table_for,
)

COMPASS = WordVectors(
    ("man", "woman", "king", "queen", "stone"),
    torch.tensor([[0.0, 1, 0.1], [0, 1, 1], [1, 1, 0.1], [1, 1, 1], [-1, 0, 0]]),
)


def test_a_table_for_a_vocabulary_says_what_was_missing():
    filled = table_for(["queen", "unicorn", "man"], COMPASS)
    assert filled.missing == ("unicorn",)
    assert torch.equal(filled.table[0], COMPASS["queen"])
    assert torch.equal(filled.table[1], COMPASS.vectors.mean(0))


def test_king_minus_man_plus_woman_is_queen():
    assert COMPASS.analogy("man", "king", "woman", k=1)[0][0] == "queen"
    assert [word for word, _ in COMPASS.nearest("king", 2)] == ["queen", "man"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: COMPASS["unicorn"], "one of the 5 words that have a vector, got 'unicorn'; check"),
        (lambda: WordVectors(("a", "a"), torch.ones(2, 1)), "every word once, got 'a' twice; keep"),
        (lambda: WordVectors(("a",), torch.ones(2, 1)), r"got 1 words and vectors of shape \[2, 1\]; pass"),
        (lambda: table_for([], COMPASS), "at least one word, got none; pass"),
        (lambda: COMPASS.nearest("king", 5), "k from 1 to 4, the vectors that count, got 5; ask"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)
