"""Vectors for words never seen: the mean over the pieces that a word is spelled with."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class HashedNgrams(nn.Module):
    """A word's vector is the mean of its n-grams' vectors; an n-gram's vector is the row that its hash names.

    So `encoder` and `encoders` share most rows, and no word is unknown (Bojanowski et al. 2017, section 3.2). `weight`
    has shape [n_buckets, n_embd] and is drawn evenly from +-1/n_embd, as in facebookresearch/fastText src/dictionary
    and src/fasttext.
    """

    def __init__(self, n_buckets: int, n_embd: int, *, shortest: int = 3, longest: int = 6) -> None:
        super().__init__()
        if n_buckets < 1 or n_embd < 1 or not 1 <= shortest <= longest:
            raise ValueError(
                f"wanted n_buckets and n_embd of at least 1 and 1 <= shortest <= longest, got {n_buckets}, {n_embd}, "
                f"{shortest}, {longest}; the published sizes are 2000000, 300, 3, 6"
            )
        self.n_buckets, self.shortest, self.longest = n_buckets, shortest, longest
        self.weight = nn.Parameter(torch.empty(n_buckets, n_embd).uniform_(-1 / n_embd, 1 / n_embd))

    def forward(self, words: Sequence[str]) -> Float[Tensor, "N C"]:
        """Vectors of `words`, known or not. ValueError for an empty word or no words."""
        if not words or not all(words):
            raise ValueError(f"wanted words of at least one character, got {list(words)!r}; leave empty words out")
        buckets = [
            [fnv1a(piece.encode("utf-8")) % self.n_buckets for piece in ngrams(word, self.shortest, self.longest)]
            for word in words
        ]
        starts = torch.tensor([0, *map(len, buckets[:-1])]).cumsum(0)
        rows = torch.tensor([bucket for word in buckets for bucket in word])
        device = self.weight.device
        return nn.functional.embedding_bag(rows.to(device), self.weight, starts.to(device), mode="mean")


def ngrams(word: str, shortest: int, longest: int) -> list[str]:
    """The whole word and all its pieces of `shortest` to `longest` characters, between the marks < and >."""
    marked = f"<{word}>"
    lengths = range(shortest, min(longest, len(marked) - 1) + 1)
    return [marked, *(marked[i : i + n] for n in lengths for i in range(len(marked) - n + 1))]


def fnv1a(data: bytes) -> int:
    """The 32-bit FNV-1a hash: unlike Python's own, the same in every process (draft-eastlake-fnv)."""
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value
