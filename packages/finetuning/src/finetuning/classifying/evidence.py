"""What tokens, pairs of them and their spelling say of a text's label: one regularized linear fit, without any model.

A text has features: its tokens, the pairs of a token and one of the two before it (the first token stands for those
before it), and the strings of three to five characters in its tokens, by which a rare word is known from others that
are spelled like it (Bojanowski et al. 2016, "Enriching word vectors with subword information"). A feature counts by the
naive Bayes log ratio of its label, and ridge regression to the labels' shares weighs the features so scaled. Half of
the answer is that, half are the ratios as they are, all of one weight: the linear model that is hard to beat on short
texts (Wang and Manning 2012, "Baselines and bigrams"). What a token's strings say is added to what the token says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .labels import LabeledText

PENALTY = 20.0
"""Ridge penalty in units of squared log ratios. This and the four below: the best of several on folds of movie
snippets."""
REACH = 2
"""Tokens before a token that make a pair with it."""
STRINGS = range(3, 6)
"""Characters of a string within a token."""
STRING_SCALE = 0.5
"""What a string's log ratio counts beside a token's."""
SMOOTHING = 0.5
"""Occurrences that are added to those of each feature."""
ITERATIONS = 100
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Evidence:
    """What speaks for a label beyond its share of all texts, a table a label; of two labels the second's alone, since
    what speaks for one speaks as much against the other.

    A text's share of label k is about share[k] + base[k] + the sum of its `tokens`[id, k] + that of its `pairs`[k][id,
    id one or two later], each as often as the text has it.
    """

    tokens: Float[Tensor, "V K"]
    pairs: tuple[Float[Tensor, "V V"], ...]
    """Sparse."""
    base: Float[Tensor, " K"]

    def value(self, ids: Sequence[int]) -> Float[Tensor, " K"]:
        """The evidence in one text for each table, in shares."""
        couples = torch.from_numpy(_pairs(ids))
        in_pairs = torch.stack([_picked(table, couples).sum() for table in self.pairs])
        return self.base + self.tokens[torch.tensor(ids)].sum(0) + in_pairs


def evidence(texts: Sequence[LabeledText], n_labels: int, spelled: Sequence[str], penalty: float = PENALTY) -> Evidence:
    """The evidence in labeled texts. spelled: the text of each id. ValueError where all texts have one label."""
    if len({text.label for text in texts}) < 2:
        raise ValueError("data: wanted texts with two or more labels to learn from, got one alone; add others")
    n_vocab, strings = len(spelled), _strings(spelled)
    codes, counts = zip(*(np.unique(_codes(text.ids, strings), return_counts=True) for text in texts), strict=True)
    lengths = torch.tensor([len(row) for row in codes])
    features, columns = np.unique(np.concatenate(codes), return_inverse=True)
    places = torch.stack([torch.repeat_interleave(torch.arange(len(texts)), lengths), torch.from_numpy(columns)])
    counted = _sparse(places, torch.from_numpy(np.concatenate(counts)).double(), (len(texts), len(features)))
    shares = torch.tensor(
        [text.shares or [float(number == text.label) for number in range(n_labels)] for text in texts],
        dtype=torch.float64,
    )
    single, spelling = features < n_vocab, features >= n_vocab + n_vocab**2
    double = ~single & ~spelling
    first, second = np.divmod(features[double] - n_vocab, n_vocab)
    scale = torch.where(torch.from_numpy(spelling), STRING_SCALE, 1.0).double()
    tokens, pairs, base = [], [], []
    for share in shares.T[1:] if n_labels == 2 else shares.T:
        weights, constant = _fitted(counted, scale, share, penalty)
        table = torch.zeros(n_vocab)
        table[features[single]] = weights[single].float()
        known = dict(zip(features[spelling].tolist(), weights[spelling].tolist(), strict=True))
        tokens.append(table + torch.tensor([sum(known.get(code, 0.0) for code in row.tolist()) for row in strings]))
        pairs.append(_sparse(torch.from_numpy(np.stack([first, second])), weights[double].float(), (n_vocab, n_vocab)))
        base.append(constant)
    return Evidence(torch.stack(tokens, 1), tuple(pairs), torch.tensor(base))


def _pairs(ids: Sequence[int]) -> np.ndarray:
    """[2, 2 n] pairs of each of n ids with the two before it."""
    row = np.array([ids[0]] * REACH + list(ids), dtype=np.int64)
    return np.concatenate([np.stack([row[REACH - far : -far], row[REACH:]]) for far in range(1, REACH + 1)], 1)


def _strings(spelled: Sequence[str]) -> list[np.ndarray]:
    """A number for each string in each token, once, whatever its case: those beyond the numbers of tokens and pairs."""
    numbers: dict[str, int] = {}
    beyond = len(spelled) + len(spelled) ** 2
    found = []
    for text in map(str.lower, spelled):
        within = {text[start : start + size] for size in STRINGS for start in range(len(text) - size + 1)}
        found.append(np.array([beyond + numbers.setdefault(string, len(numbers)) for string in sorted(within)], int))
    return found


def _codes(ids: Sequence[int], strings: Sequence[np.ndarray]) -> np.ndarray:
    """A number for each token of a text, each pair, and each string of each token."""
    first, second = _pairs(ids)
    return np.concatenate([ids, len(strings) + first * len(strings) + second, *(strings[token] for token in ids)])


def _fitted(counted: Tensor, scale: Tensor, share: Tensor, penalty: float) -> tuple[Tensor, float]:
    """Weights of the features and the constant, for one label's share of each text less its mean."""
    ratio = scale * (_log_odds(counted, share) - _log_odds(counted, 1 - share))
    scaled = _sparse(counted.indices(), counted.values() * ratio[counted.indices()[1]], counted.shape)
    weights = ridge(scaled, share - share.mean(), penalty)
    alike = (scaled @ weights).std() / scaled.sum(1).to_dense().std().clamp(min=1e-9)  # spreads as the fit does
    weights = (weights + alike) / 2
    return ratio * weights, float(-(scaled @ weights).mean())


def _log_odds(features: Tensor, share: Tensor) -> Tensor:
    """The logarithm of each feature's share of all that a label's texts have, some occurrences added."""
    counts = SMOOTHING + features.T @ share
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


def _sparse(places: Tensor, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.sparse_coo_tensor(places, values, shape, check_invariants=True).coalesce()


def _picked(table: Tensor, couples: Tensor) -> Tensor:
    """Entries of a sparse table at [2, n] places, zero where there is none."""
    width = table.shape[1]
    known, asked = table.indices()[0] * width + table.indices()[1], couples[0] * width + couples[1]
    if not len(known):
        return torch.zeros(len(asked))
    place = torch.searchsorted(known, asked).clamp(max=len(known) - 1)
    return torch.where(known[place] == asked, table.values()[place], 0.0)
