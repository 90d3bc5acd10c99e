"""The linear fit of tokens and pairs: against dense arithmetic, and on texts where only a pair tells."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from finetuning import LabeledText
from finetuning.classifying.evidence import evidence, ridge


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


@pytest.mark.parametrize("n_labels", [2, 3])
def test_evidence_is_ridge_on_naive_bayes_ratios(n_labels):
    """Every number again, by dense matrices and a feature a token and a pair of neighbors (Wang and Manning 2012)."""
    texts = drawn(30, n_labels)
    features = [{*((token,) for token in one.ids), *pairwise(one.ids)} for one in texts]
    names = sorted(set().union(*features))
    has = np.array([[float(name in those) for name in names] for those in features])
    found = evidence(texts, n_labels, 9, penalty=2.0)
    assert found.tokens.shape == (9, 1 if n_labels == 2 else n_labels)
    for number, share in enumerate(np.array([one.shares for one in texts]).T[1 if n_labels == 2 else 0 :]):
        many, few = 1 + has.T @ share, 1 + has.T @ (1 - share)
        scaled = has * np.log(many / many.sum() / (few / few.sum()))
        centered = scaled - scaled.mean(0)
        weights = np.linalg.solve(centered.T @ centered + 2.0 * np.eye(len(names)), centered.T @ share)
        for one, value in zip(texts, centered @ weights, strict=True):
            assert float(found.value(one.ids)[number]) == pytest.approx(value, abs=1e-4)


def test_a_pair_says_what_its_tokens_do_not():
    good, bad, never, film = 1, 2, 3, 4
    rows = {(film, good): 1, (film, bad): 0, (never, good): 0, (never, bad): 1}
    found = evidence([text(*ids, label=label) for ids, label in rows.items()] * 10, 2, 5, penalty=0.1)
    for ids, label in rows.items():
        assert found.value(ids).item() == pytest.approx(label - 0.5, abs=0.01)
        assert found.value(ids[::-1]).item() == pytest.approx(0, abs=0.01)  # never seen in this order


def test_texts_of_one_label_are_refused():
    with pytest.raises(ValueError, match="data: wanted texts with two or more labels to learn from, got one alone"):
        evidence([text(1, label=1), text(2, label=1)], 2, 5)
