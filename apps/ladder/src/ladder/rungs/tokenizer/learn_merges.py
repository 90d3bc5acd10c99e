"""A vocabulary that is learned.

Letters make texts long, and words are never all known: "untokenizable" is in no list. Byte-pair encoding lies between.
It starts with single bytes, finds the two neighbors that stand together most often, and makes them one token; then
again, with that token among the others. Frequent words become one token, rare ones a few, and nothing is unknown.

The text comes in pieces (words, mostly), with how often each occurs; no merge crosses their ends. A piece that occurs a
hundred times counts a hundred times. Of pairs that are equally frequent, the one whose first token is older comes
first, then the one whose second is; single bytes are older than all merges, in the order of their values.

Write `learn_merges`: up to n pairs, in the order in which they are merged.
"""

from collections import Counter
from itertools import pairwise


def merged(parts: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    """`parts` with each such pair of neighbors joined, from the left."""
    out: list[bytes] = []
    for part in parts:
        if out and (out[-1], part) == pair:
            out[-1] = out[-1] + part
        else:
            out.append(part)
    return out


def learn_merges(counts: dict[bytes, int], n: int) -> list[tuple[bytes, bytes]]:
    """The first n merges of pieces that occur so often; fewer where nothing is left to merge."""
    age = {bytes([byte]): byte for byte in range(256)}
    merges: list[tuple[bytes, bytes]] = []
    # hole
    # hint: Keep the parts of each piece, at first single bytes: {piece: [piece[i : i + 1] for i in range(len(piece))]}.
    # hint: Each turn: count pairs with pairwise, each as often as its piece occurs; take the best; `merged` in all.
    # hint: Best: min(pairs, key=lambda pair: (-pairs[pair], age[pair[0]], age[pair[1]])). Its age is len(age).
    parts = {piece: [piece[i : i + 1] for i in range(len(piece))] for piece in counts}
    while len(merges) < n:
        pairs: Counter[tuple[bytes, bytes]] = Counter()
        for piece, row in parts.items():
            for pair in pairwise(row):
                pairs[pair] += counts[piece]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], age[pair[0]], age[pair[1]]))
        merges.append(best)
        age[best[0] + best[1]] = len(age)
        parts = {piece: merged(row, best) for piece, row in parts.items()}
    return merges
    # end
