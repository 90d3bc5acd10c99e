"""What single tokens and pairs of neighbors say of a text's label: one regularized linear fit, without any model.

Each token, and each pair of neighboring ones, is a feature that a text has or has not. A feature counts by the naive
Bayes log ratio of its label, and ridge regression to the labels' shares weighs the features so scaled: the linear model
that is hard to beat on short texts (Wang and Manning 2012, "Baselines and bigrams").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .labels import LabeledText

PENALTY = 20.0
"""Ridge penalty in units of squared log ratios: the best of 10 to 100 on folds of movie snippets."""
ITERATIONS = 100
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Evidence:
    """What speaks for a label beyond its share of all texts, a table a label; of two labels the second's alone, since
    what speaks for one speaks as much against the other.

    A text's share of label k is about share[k] + base[k] + the sum of its `tokens`[id, k] + that of its `pairs`[k][id,
    next id], each token and pair once.
    """

    tokens: Float[Tensor, "V K"]
    pairs: tuple[Float[Tensor, "V V"], ...]
    """Sparse."""
    base: Float[Tensor, " K"]

    def value(self, ids: Sequence[int]) -> Float[Tensor, " K"]:
        """The evidence in one text for each table, in shares; repeated tokens and pairs count once."""
        row = torch.tensor(ids)
        found = self.base + self.tokens[row.unique()].sum(0)
        couples = torch.stack([row[:-1], row[1:]]).unique(dim=1)
        if couples.shape[1]:
            found = found + torch.stack([_picked(table, couples).sum() for table in self.pairs])
        return found


def evidence(texts: Sequence[LabeledText], n_labels: int, n_vocab: int, penalty: float = PENALTY) -> Evidence:
    """The evidence in labeled texts. ValueError where all of them have one label."""
    if len({text.label for text in texts}) < 2:
        raise ValueError("data: wanted texts with two or more labels to learn from, got one alone; add others")
    codes = [_codes(text.ids, n_vocab) for text in texts]
    lengths = torch.tensor([len(row) for row in codes])
    features, columns = np.unique(np.concatenate(codes), return_inverse=True)
    places = torch.stack([torch.repeat_interleave(torch.arange(len(texts)), lengths), torch.from_numpy(columns)])
    shares = torch.tensor(
        [text.shares or [float(number == text.label) for number in range(n_labels)] for text in texts],
        dtype=torch.float64,
    )
    single = features < n_vocab
    first, second = np.divmod(features[~single] - n_vocab, n_vocab)
    tokens, pairs, base = [], [], []
    for share in shares.T[1:] if n_labels == 2 else shares.T:
        weights, constant = _fitted(places, (len(texts), len(features)), share, penalty)
        table = torch.zeros(n_vocab)
        table[features[single]] = weights[single].float()
        tokens.append(table)
        pairs.append(_sparse(torch.from_numpy(np.stack([first, second])), weights[~single].float(), (n_vocab, n_vocab)))
        base.append(constant)
    return Evidence(torch.stack(tokens, 1), tuple(pairs), torch.tensor(base))


def _codes(ids: Sequence[int], n_vocab: int) -> np.ndarray:
    """A number for each token and each pair of neighbors of a text, once."""
    row = np.array(ids, dtype=np.int64)
    return np.unique(np.concatenate([row, n_vocab + row[:-1] * n_vocab + row[1:]]))


def _fitted(places: Tensor, shape: tuple[int, int], share: Tensor, penalty: float) -> tuple[Tensor, float]:
    """Weights of the features and the constant, for one label's share of each text less its mean."""
    plain = _sparse(places, torch.ones(places.shape[1], dtype=torch.float64), shape)
    ratio = _log_odds(plain, share) - _log_odds(plain, 1 - share)
    scaled = _sparse(places, ratio[places[1]], shape)
    wanted = share - share.mean()
    weights = ridge(scaled, wanted, penalty)
    return ratio * weights, float(-(scaled @ weights).mean())


def _log_odds(features: Tensor, share: Tensor) -> Tensor:
    """The logarithm of each feature's share of all that a label's texts have, one occurrence added."""
    counts = 1 + features.T @ share
    return (counts / counts.sum()).log()


def ridge(features: Float[Tensor, "N F"], wanted: Float[Tensor, " N"], penalty: float) -> Float[Tensor, " F"]:
    """The w with the least |X w - y|^2 + penalty |w|^2, where each column of X is less its mean, and so is y.

    features: may be sparse; no column is made less sparse. Conjugate gradients on the normal equations (Hestenes and
    Stiefel 1952), until what is left is 1e-5 of the beginning.
    """

    def back(values: Tensor) -> Tensor:
        moved: Tensor = features.T @ (values - values.mean())
        return moved

    left = back(wanted)
    weights, direction, size = torch.zeros_like(left), left, left @ left
    smallest = size * TOLERANCE**2
    for _ in range(ITERATIONS):
        if size <= smallest:
            break
        image = back(features @ direction) + penalty * direction
        step = size / (direction @ image)
        weights, left = weights + step * direction, left - step * image
        size, before = left @ left, size
        direction = left + size / before * direction
    return weights


def _sparse(places: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    return torch.sparse_coo_tensor(places, values, shape, check_invariants=True).coalesce()


def _picked(table: Tensor, couples: Tensor) -> Tensor:
    """Entries of a sparse table at [2, n] places, zero where there is none."""
    width = table.shape[1]
    known, asked = table.indices()[0] * width + table.indices()[1], couples[0] * width + couples[1]
    if not len(known):
        return torch.zeros(len(asked))
    place = torch.searchsorted(known, asked).clamp(max=len(known) - 1)
    return torch.where(known[place] == asked, table.values()[place], 0.0)
