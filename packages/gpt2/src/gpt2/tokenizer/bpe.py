"""Byte-pair encoding as the paper tells it (Sennrich et al. 2016, arXiv 1508.07909, algorithm 1), on bytes.

A piece of text starts as single bytes. Learning looks for the two neighbors that stand together most often, makes them
one token, and does that again and again. Encoding a piece then joins neighbors in the order in which they were learned:

    l o w e r  ->  lo w e r  ->  low e r  ->  low er        with the merges l+o, lo+w, e+r

Nothing here is fast. It says what the tokenizer (tiktoken encodes, rustbpe learns) must do, and is held against it.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

BYTES = {bytes([byte]): byte for byte in range(256)}
"""The tokens to begin with: every byte, its value being its id."""


def train(pieces: Iterable[bytes], n: int) -> dict[bytes, int]:
    """Bytes and the first `n` merges of a text, each token with its id; fewer where nothing is left to merge.

    pieces: the text as the tokenizer's pattern cuts it; no merge crosses their ends. Of pairs that are equally frequent
    the one of the lower ids comes first.
    """
    often = Counter(pieces)
    tokens = {piece: [piece[i : i + 1] for i in range(len(piece))] for piece in often}
    ids = dict(BYTES)
    while len(ids) < len(BYTES) + n:
        pairs: Counter[tuple[bytes, bytes]] = Counter()
        for piece, parts in tokens.items():
            for pair in pairwise(parts):
                pairs[pair] += often[piece]
        if not pairs:
            break
        left, right = min(pairs, key=lambda pair: (-pairs[pair], ids[pair[0]], ids[pair[1]]))
        ids[left + right] = new = len(ids)
        tokens = {piece: joined(parts, {left + right: new}) for piece, parts in tokens.items()}
    return ids


def encode(piece: bytes, merges: Mapping[bytes, int]) -> list[bytes]:
    """The tokens of one piece. `merges` has every token that a merge makes with its id: lower ones come first."""
    return joined([piece[i : i + 1] for i in range(len(piece))], merges)


def joined(parts: Sequence[bytes], merges: Mapping[bytes, int], below: int = sys.maxsize) -> list[bytes]:
    """`parts` with neighbors joined, the merge of lowest id first and each from the left, until none is left with an id
    `below` this one."""
    parts = list(parts)
    while len(parts) > 1:
        id, place = min((merges.get(a + b, below), place) for place, (a, b) in enumerate(pairwise(parts)))
        if id >= below:
            break
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return parts


def halves(ids: Mapping[bytes, int]) -> list[tuple[bytes, bytes]]:
    """The two tokens of which each merge made its own, in the order of ids: what remains of a token after all merges
    with lower ids. ValueError where that is not two tokens."""
    pairs = []
    for token, id in sorted(ids.items(), key=lambda item: item[1]):
        if len(token) == 1:
            continue
        parts = joined([token[i : i + 1] for i in range(len(token))], ids, below=id)
        if len(parts) != 2:
            raise ValueError(f"ranks: wanted token {token!r} to be two lower tokens, got {parts}; not a BPE vocabulary")
        pairs.append((parts[0], parts[1]))
    return pairs
