"""Words with a vector each: neighbours, analogies, and a table for a vocabulary of your own."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import torch
from jaxtyping import Float
from torch import Tensor

from ..measures import nearest_rows


@dataclass(frozen=True)
class WordVectors:
    """`vectors[i]`, shape [C], is the vector of `words[i]`. ValueError for a word that occurs twice, or another number
    of vectors than of words."""

    words: tuple[str, ...]
    vectors: Float[Tensor, "N C"]

    def __post_init__(self) -> None:
        if len(self.words) != len(self.vectors):
            raise ValueError(
                f"wanted a vector for each word, got {len(self.words)} words and vectors of shape "
                f"{list(self.vectors.shape)}; pass as many rows as words"
            )
        rows = {word: row for row, word in enumerate(self.words)}
        if len(rows) < len(self.words):
            double = next(word for row, word in enumerate(self.words) if rows[word] != row)
            raise ValueError(f"wanted every word once, got {double!r} twice; keep one vector for each word")
        object.__setattr__(self, "_rows", rows)

    def __contains__(self, word: object) -> bool:
        return word in self._rows  # type: ignore[attr-defined]

    def row(self, word: str) -> int:
        """The row of `word`; ValueError, with those spelled most like it, for a word that is not there."""
        if word not in self:
            alike = ", ".join(map(repr, get_close_matches(word, self.words, 3)))
            raise ValueError(
                f"wanted one of the {len(self.words)} words that have a vector, got {word!r}; "
                f"check its spelling ({alike or 'none is spelled alike'}); only embeddings.HashedNgrams, made of a "
                "word's letters, has a vector for every word"
            )
        return self._rows[word]  # type: ignore[attr-defined]

    def __getitem__(self, word: str) -> Float[Tensor, " C"]:
        return self.vectors[self.row(word)]

    def nearest(self, word: str, k: int = 10) -> list[tuple[str, float]]:
        """The k other words whose vectors point most nearly the same way, with their cosine similarity."""
        return self._around(self[word], k, [word])

    def analogy(self, a: str, b: str, c: str, k: int = 10) -> list[tuple[str, float]]:
        """The k words that are to `c` as `b` is to `a`: nearest to b - a + c, each of length one, the three words left
        out (3CosAdd; Mikolov et al. 2013, "Linguistic Regularities in Continuous Space Word Representations")."""
        a_vector, b_vector, c_vector = torch.nn.functional.normalize(torch.stack([self[a], self[b], self[c]]), dim=-1)
        return self._around(b_vector - a_vector + c_vector, k, [a, b, c])

    def _around(self, vector: Tensor, k: int, without: list[str]) -> list[tuple[str, float]]:
        without_rows = torch.tensor([[self.row(word) for word in without]])
        rows, similarities = nearest_rows(vector[None], self.vectors, k, without=without_rows)
        return [(self.words[row], float(value)) for row, value in zip(rows[0], similarities[0], strict=True)]


@dataclass(frozen=True)
class GivenTable:
    """`table`, shape [V, C], for a vocabulary; `missing`: its words that had no vector given and hold the mean."""

    table: Float[Tensor, "V C"]
    missing: tuple[str, ...]


def table_for(vocabulary: Sequence[str], given: WordVectors) -> GivenTable:
    """Row i is the given vector of `vocabulary[i]`, or the mean of all given vectors: copy it into a TokenEmbedding's
    weight, and look at `missing` before trusting it. ValueError for an empty vocabulary."""
    if not vocabulary:
        raise ValueError("wanted a vocabulary of at least one word, got none; pass the words in the order of their ids")
    table = given.vectors.mean(dim=0).repeat(len(vocabulary), 1)
    found = [(row, given.row(word)) for row, word in enumerate(vocabulary) if word in given]
    if found:
        rows, sources = (torch.tensor(side) for side in zip(*found, strict=True))
        table[rows] = given.vectors[sources]
    return GivenTable(table, tuple(word for word in vocabulary if word not in given))
