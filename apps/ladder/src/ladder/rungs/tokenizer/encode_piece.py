"""From text to tokens.

With the merges learned, a new piece of text is cut as the old ones were: begin with single bytes, and join neighbors in
the order in which the merges were learned. Not from left to right, and not the longest token first: what was merged
first in learning is merged first here, wherever it stands.

    l o w e r      with the merges lo, low, er, learned in this order
    lo w e r
    low e r
    low er

`ids` has the id of each token, single bytes and merged ones; of two tokens the older one has the lower id. So of all
neighbors that can be joined, those whose token has the lowest id come first, and of equal ones those on the left.

Write `encode_piece`.
"""

from itertools import pairwise


def encode_piece(piece: bytes, ids: dict[bytes, int]) -> list[int]:
    """The ids of the tokens of one piece."""
    parts = [piece[i : i + 1] for i in range(len(piece))]
    # hole
    # hint: Again and again: look at all neighbors, join the best pair, until no two neighbors make a token.
    # hint: found = [(ids[a + b], i) for i, (a, b) in enumerate(pairwise(parts)) if a + b in ids]; min(found).
    # hint: Join at place i: parts[i : i + 2] = [parts[i] + parts[i + 1]]. At the end, the ids of the parts.
    while True:
        found = [(ids[a + b], i) for i, (a, b) in enumerate(pairwise(parts)) if a + b in ids]
        if not found:
            return [ids[part] for part in parts]
        i = min(found)[1]
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    # end
