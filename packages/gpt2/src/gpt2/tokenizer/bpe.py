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
    with lower ids. ValueError where that is not two tokens.

    Nothing is merged again for it, which would take for ever where tokens are long: of the places where a token can be
    cut into two lower ones, one is such that no merge crosses it before."""
    order = {token: place for place, token in enumerate(sorted(ids, key=lambda token: (len(token) > 1, ids[token])))}
    lengths = {len(token) for token in ids}
    made: dict[tuple[int, int], int] = {}
    parts = {place: (place, place) for token, place in order.items() if len(token) == 1}
    pairs = []
    for token, place in order.items():
        if len(token) == 1:
            continue
        for left in lengths if len(lengths) < len(token) else range(1, len(token)):
            if len(token) - left not in lengths or left >= len(token):
                continue
            a, b = (order.get(part, place) for part in (token[:left], token[left:]))
            if max(a, b) < place and _stays(a, b, made, parts):
                pairs.append((token[:left], token[left:]))
                made[a, b], parts[place] = place, (a, b)
                break
        else:
            got = joined([token[i : i + 1] for i in range(len(token))], ids, ids[token]) if len(token) < 99 else "more"
            raise ValueError(
                f"ranks: wanted token {token[:99]!r} to be two lower tokens, got {got}; not a BPE vocabulary"
            )
    return pairs


def _stays(a: int, b: int, made: Mapping[tuple[int, int], int], parts: Mapping[int, tuple[int, int]]) -> bool:
    """Whether merges leave the border between two tokens, given by their places in the order, until these are whole.

    Both are taken apart again at the border, the later merge first: a pair there that makes a token which comes before
    the part that was taken apart would have been merged first. made: pairs to tokens; parts: tokens to pairs."""
    limit = len(parts) + len(made) + 1
    while made.get((a, b), limit) >= limit:
        for is_left in (a > b, a <= b):
            whole = a if is_left else b
            if parts[whole] != (whole, whole):
                limit = whole + (not is_left)  # of equal merges the left one comes first
                a, b = (parts[a][1], b) if is_left else (a, parts[b][0])
                break
        else:
            return True
    return False
