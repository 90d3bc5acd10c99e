"""Checks of the rungs about tokens: by small pieces, and by gpt2's readable byte-pair encoding."""

import random
from collections import Counter
from itertools import pairwise
from typing import Any

from gpt2.tokenizer import bpe

from .comparing import agree, called, refuse

Pair = tuple[bytes, bytes]


def learn_merges(mine: Any) -> None:
    """From one piece up; then words of a random language."""
    cases: list[tuple[dict[bytes, int], int]] = [
        ({b"a": 3}, 2),
        ({b"ab": 1}, 1),
        ({b"ab": 1}, 5),
        ({b"ab": 1, b"bc": 2}, 1),
        ({b"cd": 1, b"ab": 1}, 1),
        ({b"abc": 1, b"xab": 1}, 2),
        ({b"aaa": 2, b"ba": 3}, 2),
        ({b"low": 5, b"lower": 2, b"new": 6, b"wider": 3}, 6),
        ({}, 1),
    ]
    chance = random.Random(0)
    words = Counter("".join(chance.choices("abcde", k=chance.randint(1, 6))).encode() for _ in range(60))
    cases.append((dict(words), 25))
    for counts, n in cases:
        pieces = [piece for piece, often in counts.items() for _ in range(often)]
        ids = bpe.train(pieces, n)
        wanted = bpe.halves(ids) if len(ids) > 256 else []
        slips = {
            "each piece counts once, however often it occurs": _merges({piece: 1 for piece in counts}, n),
            "equally frequent pairs are taken as they come, not the oldest first": _merges(counts, n, oldest=False),
            "of equally frequent pairs the one with the larger bytes is taken": _merges(counts, n, largest=True),
            "of equally frequent pairs the one with the smaller bytes is taken, not the older one": _merges(
                counts, n, smallest=True
            ),
            "pairs that occur once are left as they are": _merges(counts, n, least=2),
            "the parts are not joined after a merge, so that the same pair wins again": wanted[:1] * n,
            "a pair is joined in the first piece only, or once a piece": None,
            "merges are counted over the ends of pieces": _across(counts),
        }
        given = f"learn_merges({counts if len(counts) < 6 else f'{len(counts)} words'}, {n})"
        agree(
            "the most frequent pair is merged, again and again",
            given,
            lambda: mine.learn_merges(dict(counts), n),
            wanted,
            {k: v for k, v in slips.items() if v != wanted},
        )


def _merges(
    counts: dict[bytes, int],
    n: int,
    oldest: bool = True,
    largest: bool = False,
    smallest: bool = False,
    least: int = 1,
) -> list[Pair]:
    age = {bytes([byte]): byte for byte in range(256)}
    parts = {piece: [piece[i : i + 1] for i in range(len(piece))] for piece in counts}
    merges: list[Pair] = []
    while len(merges) < n:
        pairs: Counter[Pair] = Counter()
        for piece, row in parts.items():
            for pair in pairwise(row):
                pairs[pair] += counts[piece]
        if not pairs:
            break
        ages = {pair: (-pairs[pair], age[pair[0]], age[pair[1]]) for pair in pairs}
        best = min(pairs, key=ages.__getitem__) if oldest else max(pairs, key=pairs.__getitem__)
        if largest:
            best = max(pairs, key=lambda pair: (pairs[pair], pair))
        if smallest:
            best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < least:
            break
        merges.append(best)
        age[best[0] + best[1]] = len(age)
        parts = {piece: bpe.joined(row, {best[0] + best[1]: 0}) for piece, row in parts.items()}
    return merges


def _across(counts: dict[bytes, int]) -> list[Pair]:
    whole = b"".join(piece * often for piece, often in counts.items())
    return _merges({whole: 1}, 1) if whole else []


def encode_piece(mine: Any) -> None:
    """Small vocabularies, then a random one."""
    lower = [b"lo", b"low", b"er", b"lower"]
    cases = [
        ([], b"a"),
        ([b"ab"], b"ab"),
        ([b"bc", b"ab"], b"abc"),
        ([b"ab", b"abc"], b"abc"),
        ([b"aa"], b"aaa"),
        (lower[:3], b"lower"),
        (lower, b"lowerlow"),
        ([b"ab", b"cd", b"abcd", b"bc"], b"abcdbc"),
        ([b"ab"], b""),
    ]
    chance = random.Random(1)
    words = ["".join(chance.choices("abc", k=chance.randint(1, 8))).encode() for _ in range(80)]
    learned = [a + b for a, b in bpe.halves(bpe.train(words, 20))]
    cases += [(learned, word) for word in words[:30]]
    for merges, piece in cases:
        ids = {bytes([byte]): byte for byte in range(256)} | {token: 256 + i for i, token in enumerate(merges)}
        only = {token: id for token, id in ids.items() if id > 255}
        wanted = [ids[token] for token in bpe.encode(piece, only)]
        slips = {
            "the longest token is taken first": _longest(piece, ids),
            "neighbors are joined from left to right, whichever merge comes first": _leftmost(piece, ids),
            "merges are gone through once in their order, and joined pairs never looked at again": None,
            "of equal merges the one on the right comes first": _rightmost(piece, ids),
            "nothing is joined": list(piece),
        }
        given = f"encode_piece({piece!r}, bytes and {', '.join(map(repr, merges[:6])) or 'no merges'})"
        agree(
            "neighbors are joined in the order of the merges",
            given,
            lambda: mine.encode_piece(piece, dict(ids)),
            wanted,
            {k: v for k, v in slips.items() if v != wanted},
        )


def _longest(piece: bytes, ids: dict[bytes, int]) -> list[int]:
    found = []
    while piece:
        n = max(n for n in range(1, len(piece) + 1) if piece[:n] in ids)
        found.append(ids[piece[:n]])
        piece = piece[n:]
    return found


def _leftmost(piece: bytes, ids: dict[bytes, int]) -> list[int]:
    parts = [piece[i : i + 1] for i in range(len(piece))]
    i = 0
    while i + 1 < len(parts):
        if parts[i] + parts[i + 1] in ids:
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
            i = 0
        else:
            i += 1
    return [ids[part] for part in parts]


def _rightmost(piece: bytes, ids: dict[bytes, int]) -> list[int]:
    parts = [piece[i : i + 1] for i in range(len(piece))]
    while True:
        found = [(ids[a + b], -i) for i, (a, b) in enumerate(pairwise(parts)) if a + b in ids]
        if not found:
            return [ids[part] for part in parts]
        i = -min(found)[1]
        parts[i : i + 2] = [parts[i] + parts[i + 1]]


def decode_ids(mine: Any) -> None:
    """Letters of several bytes, cut anywhere, and bytes that are no text."""
    for text in ("a", "é", "né", "a€b", "🙂!"):
        raw = text.encode()
        tokens = [bytes([byte]) for byte in raw]
        ids = list(range(len(tokens)))
        slips = {
            "each token becomes text on its own": "".join(token.decode("utf-8", "replace") for token in tokens),
            "bytes that are no text on their own are left out": "".join(t.decode("utf-8", "ignore") for t in tokens),
        }
        agree(
            "bytes are put together, then read",
            f"decode_ids({ids}, {tokens})",
            lambda: mine.decode_ids(ids, tokens),
            text,
            slips,
        )
    agree(
        "bytes that are no text show as �",
        "decode_ids([0, 1], [b'a', b'\\xff'])",
        lambda: mine.decode_ids([0, 1], [b"a", b"\xff"]),
        "a\ufffd",
        {"they are left out": "a"},
    )
    for text in ("a", "é", "a€", "🙂é"):
        raw, waiting, out = text.encode(), b"", ""
        for i in range(len(raw)):
            given = f"decode_stream({waiting!r}, {raw[i : i + 1]!r})"
            got = called(given, lambda: mine.decode_stream(waiting, raw[i : i + 1]))
            if not isinstance(got, tuple) or len(got) != 2:
                refuse("text and waiting bytes come out", given, f"wanted     a pair\ngot        {got!r}")
            whole = raw[: i + 1].decode("utf-8", "ignore")
            wanted = (whole[len(out) :], raw[len(whole.encode()) : i + 1])
            waits: dict[str, Any] = {
                "unfinished letters are shown as �": ((waiting + raw[i : i + 1]).decode("utf-8", "replace"), b""),
                "unfinished letters are lost": (wanted[0], b""),
                "what waited is forgotten": ("", raw[i : i + 1]) if waiting and not wanted[0] else None,
            }
            agree(
                "a letter shows when all its bytes are there",
                given,
                lambda: got,
                wanted,
                {k: v for k, v in waits.items() if v != wanted},
            )
            out, waiting = whole, wanted[1]
