"""A text as a run learns it, with every id made by the learner's byte-pair encoding."""

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import regex

import gpt2
from dataio import Corpus, split_corpus
from gpt2.texts.prepared import TrainingText
from gpt2.tokenizer.pattern import PATTERN

from .pieces import Assembly

CUT = regex.compile(PATTERN)
FREQUENT = 4_000
"""Pieces that merges are learned from: the most frequent ones. Rare ones would cost a plain loop minutes."""
Said = Callable[[str], None]


def prepared(assembly: Assembly, corpus: Corpus, recipe: gpt2.Recipe, progress: Said) -> TrainingText:
    """Learn merges from the part that is trained on, and encode all. ValueError where merges are none."""
    train, held_out = split_corpus(corpus, recipe.held_out)
    counts: Counter[str] = Counter()
    for document in train.documents:
        counts.update(CUT.findall(document.text))
    often = {piece.encode(): n for piece, n in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:FREQUENT]}
    progress(f"learning {recipe.config.n_vocab - 257:,} merges from {len(often):,} pieces of text")
    tokenizer = gpt2.Tokenizer(ranks_of(assembly.learn_merges(dict(often), recipe.config.n_vocab - 257)))
    progress("encoding the text")
    encode = Encoder(assembly, tokenizer)
    return TrainingText(
        corpus.name,
        corpus.fingerprint,
        tokenizer,
        encode.documents(document.text for document in train.documents),
        encode.documents(document.text for document in held_out.documents),
        train.n_bytes,
        held_out.n_bytes,
    )


def ranks_of(merges: list[tuple[bytes, bytes]]) -> dict[bytes, int]:
    """Ids of all tokens: bytes first. ValueError for merges that make a token a second time."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    for left, right in merges:
        if left + right in ranks:
            raise ValueError(f"learn_merges made {left + right!r} twice; a merge should make a new token")
        ranks[left + right] = len(ranks)
    return ranks


class Encoder:
    """Text to ids by the learner's `encode_piece`, each different piece once."""

    def __init__(self, assembly: Assembly, tokenizer: gpt2.Tokenizer) -> None:
        self.encode_piece, self.ranks = assembly.encode_piece, tokenizer.ranks
        self.end_of_text = tokenizer.end_of_text
        self._known: dict[str, list[int]] = {}

    def text(self, text: str) -> list[int]:
        """Ids of a text."""
        ids: list[int] = []
        known = self._known
        for piece in CUT.findall(text):
            if piece not in known:
                known[piece] = list(self.encode_piece(piece.encode("utf-8", "replace"), self.ranks))
            ids += known[piece]
        return ids

    def documents(self, texts: Iterable[str]) -> np.ndarray:
        """Ids of documents, with the end of text before each and after the last."""
        ids: list[int] = []
        for text in texts:
            ids.append(self.end_of_text)
            ids += self.text(text)
        return np.array([*ids, self.end_of_text], dtype=np.uint16 if self.end_of_text < 2**16 else np.uint32)
