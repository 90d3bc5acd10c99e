"""Skip-gram learns who keeps the same company, and repeats itself."""

import pytest
import torch
from torch.nn.functional import logsigmoid

from embeddings import skip_gram
from embeddings.words.learning import pair_loss, pairs


def sentences(n):
    """Animals stand between "the ... sleeps", tools between "a ... breaks": never an animal beside a tool."""
    generator = torch.Generator().manual_seed(0)
    kinds = [("the", ("cat", "dog", "cow"), "sleeps"), ("a", ("saw", "axe", "pen"), "breaks")]
    for choice, which in torch.randint(0, 6, (n, 2), generator=generator).tolist():
        before, nouns, after = kinds[choice % 2]
        yield from (before, nouns[which % 3], after)


def test_words_of_the_same_company_come_to_lie_together():
    learned = skip_gram(list(sentences(3000)), n_embd=8, window=1, least=5, frequent=1.0, epochs=20, learning_rate=0.03)
    assert {word for word, _ in learned.nearest("cat", 2)} == {"dog", "cow"}
    assert {word for word, _ in learned.nearest("axe", 2)} == {"saw", "pen"}


def test_the_same_seed_gives_the_same_vectors_bit_for_bit():
    words = list(sentences(300))
    first, second, other = (skip_gram(words, n_embd=4, least=1, epochs=1, seed=seed).vectors for seed in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_the_loss_is_that_of_the_paper():
    centers, contexts, noise = torch.randn(4, 3), torch.randn(4, 3), torch.randn(5, 3)
    expected = 0.0
    for center, context in zip(centers, contexts, strict=True):  # Mikolov et al. 2013, equation 4, turned to a loss
        expected -= logsigmoid(context @ center) + 2 * sum(logsigmoid(-other @ center) for other in noise) / 5
    torch.testing.assert_close(pair_loss(centers, contexts, noise, negatives=2), expected / 4)


def test_pairs_are_the_neighbours_within_the_window():
    text, rare = torch.arange(40), torch.ones(40)  # no word is dropped
    found = torch.cat([torch.stack(batch) for batch in pairs(text, rare, 3, torch.Generator().manual_seed(0))], dim=1)
    distances = (found[0] - found[1]).abs()
    assert set(distances.tolist()) == {1, 2, 3}
    assert (distances == 1).sum() == 2 * 39  # the nearest are always within reach
    assert (distances == 3).sum() < (distances == 2).sum() < 2 * 38


def test_too_little_text_is_refused():
    with pytest.raises(ValueError, match=r"two words that occur 20 times.*got 1 of them.*pass more text"):
        skip_gram(["word"] * 30)
