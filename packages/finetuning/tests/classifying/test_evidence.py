"""The linear fit of tokens, pairs and spelling: against dense arithmetic, and on texts where only one of them tells."""

from collections import Counter

import numpy as np
import pytest
import torch

from finetuning import LabeledText
from finetuning.classifying.evidence import evidence, ridge

SPELLED = ["", " a", " good", " Goods", "ood", " bad", " badly", "ly", " film"]


def text(*ids, label=0, shares=None):
    return LabeledText("line 1", "", ids, label, shares)


def drawn(count, n_labels, n_vocab=9, seed=0):
    """Texts of random ids; each has shares of the labels."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        shares = tuple(rng.dirichlet(np.ones(n_labels)).tolist())
        row = rng.integers(0, n_vocab, rng.integers(1, 7)).tolist()
        found.append(text(*row, label=int(np.argmax(shares)), shares=shares))
    return found


def test_ridge_is_the_solution_of_its_equations():
    rng = np.random.default_rng(0)
    features, wanted = rng.normal(size=(20, 40)), rng.normal(size=20)
    centered, rest = features - features.mean(0), wanted - wanted.mean()
    exact = np.linalg.solve(centered.T @ centered + 3.0 * np.eye(40), centered.T @ rest)
    for given in (torch.from_numpy(features), torch.from_numpy(features).to_sparse()):
        assert ridge(given, torch.from_numpy(wanted), 3.0).numpy() == pytest.approx(exact, abs=1e-4)


def named(ids):
    """How often a text has each feature: its tokens, pairs with the two before, and each token's strings."""
    before = [ids[0], ids[0], *ids]
    features = Counter([*ids, *zip(before[1:], ids, strict=False), *zip(before, ids, strict=False)])
    for word in (SPELLED[token].lower() for token in ids):
        features.update({word[i : i + size] for size in (3, 4, 5) for i in range(len(word) - size + 1)})
    return features


@pytest.mark.parametrize("n_labels", [2, 3])
def test_evidence_is_ridge_on_naive_bayes_ratios_and_half_the_ratios(n_labels):
    """Every number again, by dense matrices and a feature a token, a pair and a string (Wang and Manning 2012)."""
    texts = drawn(30, n_labels)
    features = [named(one.ids) for one in texts]
    names = sorted(set().union(*features), key=str)
    has = np.array([[float(those[name]) for name in names] for those in features])
    half = np.array([0.5 if isinstance(name, str) else 1.0 for name in names])
    found = evidence(texts, n_labels, SPELLED, penalty=2.0)
    assert found.tokens.shape == (9, 1 if n_labels == 2 else n_labels)
    for number, share in enumerate(np.array([one.shares for one in texts]).T[1 if n_labels == 2 else 0 :]):
        many, few = 0.5 + has.T @ share, 0.5 + has.T @ (1 - share)
        scaled = has * half * np.log(many / many.sum() / (few / few.sum()))
        centered = scaled - scaled.mean(0)
        fitted = centered @ np.linalg.solve(centered.T @ centered + 2.0 * np.eye(len(names)), centered.T @ share)
        counted = centered.sum(1)
        wanted = (fitted + counted * fitted.std() / counted.std()) / 2
        for one, value in zip(texts, wanted, strict=True):
            assert float(found.value(one.ids)[number]) == pytest.approx(value, abs=1e-4)


def test_a_token_that_was_never_seen_is_known_by_its_spelling():
    found = evidence([text(2, label=1), text(5, label=0), text(1, label=1), text(1, label=0)] * 5, 2, SPELLED)
    good, goods, bad, badly = (found.tokens[token].item() for token in (2, 3, 5, 6))
    assert good > goods > 0 > badly > bad
    assert found.tokens[7].item() == 0  # too short for a string


def test_a_pair_says_what_its_tokens_do_not():
    good, bad, never, film = 1, 2, 3, 4
    rows = {(film, good): 1, (film, bad): 0, (never, good): 0, (never, bad): 1}
    found = evidence([text(*ids, label=label) for ids, label in rows.items()] * 10, 2, [""] * 5, penalty=0.1)
    for ids, label in rows.items():
        assert found.value(ids).item() == pytest.approx(label - 0.5, abs=0.01)
        assert found.value(ids[::-1]).item() == pytest.approx(0, abs=0.01)  # never seen in this order


def test_texts_of_one_label_are_refused():
    with pytest.raises(ValueError, match="data: wanted texts with two or more labels to learn from, got one alone"):
        evidence([text(1, label=1), text(2, label=1)], 2, SPELLED)
