"""Typical wrong solutions of the rungs about tokens."""

WRONG = {
    "learn_merges": [
        (
            "pieces count once",
            [
                """
                parts = {piece: [piece[i : i + 1] for i in range(len(piece))] for piece in counts}
                while len(merges) < n:
                    pairs = Counter(pair for row in parts.values() for pair in pairwise(row))
                    if not pairs:
                        break
                    best = min(pairs, key=lambda pair: (-pairs[pair], age[pair[0]], age[pair[1]]))
                    merges.append(best)
                    age[best[0] + best[1]] = len(age)
                    parts = {piece: merged(row, best) for piece, row in parts.items()}
                return merges
                """
            ],
            "each piece counts once, however often",
        ),
        (
            "first come",
            [
                """
                parts = {piece: [piece[i : i + 1] for i in range(len(piece))] for piece in counts}
                while len(merges) < n:
                    pairs = Counter()
                    for piece, row in parts.items():
                        for pair in pairwise(row):
                            pairs[pair] += counts[piece]
                    if not pairs:
                        break
                    best = pairs.most_common(1)[0][0]
                    merges.append(best)
                    parts = {piece: merged(row, best) for piece, row in parts.items()}
                return merges
                """
            ],
            "taken as they come",
        ),
        (
            "the parts stay",
            [
                """
                parts = {piece: [piece[i : i + 1] for i in range(len(piece))] for piece in counts}
                while len(merges) < n:
                    pairs = Counter()
                    for piece, row in parts.items():
                        for pair in pairwise(row):
                            pairs[pair] += counts[piece]
                    if not pairs:
                        break
                    best = min(pairs, key=lambda pair: (-pairs[pair], age[pair[0]], age[pair[1]]))
                    merges.append(best)
                return merges
                """
            ],
            "the same pair wins again",
        ),
        (
            "no end",
            [
                """
                parts = {piece: [piece[i : i + 1] for i in range(len(piece))] for piece in counts}
                while len(merges) < n:
                    pairs = Counter()
                    for piece, row in parts.items():
                        for pair in pairwise(row):
                            pairs[pair] += counts[piece]
                    best = min(pairs, key=lambda pair: (-pairs[pair], age[pair[0]], age[pair[1]]))
                    merges.append(best)
                    age[best[0] + best[1]] = len(age)
                    parts = {piece: merged(row, best) for piece, row in parts.items()}
                return merges
                """
            ],
            "ValueError",
        ),
        (
            "tie by bytes min",
            [
                """
                parts = [([bytes([c]) for c in p], k) for p, k in counts.items()]
                while len(merges) < n:
                    c = Counter()
                    for p, k in parts:
                        for q in pairwise(p):
                            c[q] += k
                    if not c:
                        break
                    best = min(c, key=lambda q: (-c[q], q))
                    merges.append(best)
                    parts = [(merged(p, best), k) for p, k in parts]
                return merges
                """,
            ],
            "smaller bytes is taken",
        ),
        (
            "stop at count 1",
            [
                """
                parts = [([bytes([c]) for c in p], k) for p, k in counts.items()]
                for j in range(n):
                    c = Counter()
                    for p, k in parts:
                        for q in pairwise(p):
                            c[q] += k
                    if not c:
                        break
                    best = min(c, key=lambda q: (-c[q], age[q[0]], age[q[1]]))
                    if c[best] < 2:
                        break
                    merges.append(best)
                    age[best[0] + best[1]] = 256 + j
                    parts = [(merged(p, best), k) for p, k in parts]
                return merges
                """,
            ],
            "once are left as they are",
        ),
    ],
    "encode_piece": [
        (
            "the longest first",
            [
                """
                out = []
                while piece:
                    n = max(n for n in range(1, len(piece) + 1) if piece[:n] in ids)
                    out.append(ids[piece[:n]])
                    piece = piece[n:]
                return out
                """
            ],
            "the longest token is taken first",
        ),
        (
            "from the left",
            [
                """
                i = 0
                while i + 1 < len(parts):
                    if parts[i] + parts[i + 1] in ids:
                        parts[i : i + 2] = [parts[i] + parts[i + 1]]
                        i = 0
                    else:
                        i += 1
                return [ids[part] for part in parts]
                """
            ],
            "from left to right",
        ),
        (
            "from the right",
            [
                """
                while True:
                    found = [(ids[a + b], -i) for i, (a, b) in enumerate(zip(parts, parts[1:])) if a + b in ids]
                    if not found:
                        return [ids[part] for part in parts]
                    i = -min(found)[1]
                    parts[i : i + 2] = [parts[i] + parts[i + 1]]
                """
            ],
            "on the right comes first",
        ),
        ("nothing is joined", ["return [ids[part] for part in parts]"], "nothing is joined"),
        (
            "the first merge only",
            [
                """
                found = [(ids[a + b], i) for i, (a, b) in enumerate(zip(parts, parts[1:])) if a + b in ids]
                if found:
                    i = min(found)[1]
                    parts[i : i + 2] = [parts[i] + parts[i + 1]]
                return [ids[part] for part in parts]
                """
            ],
            "joined in the order of the merges",
        ),
    ],
    "decode_ids": [
        (
            "token by token",
            ['return "".join(tokens[i].decode("utf-8", errors="replace") for i in ids)', None],
            "each token becomes text on its own",
        ),
        ("strict", ['return b"".join(tokens[i] for i in ids).decode("utf-8")', None], "UnicodeDecodeError"),
        (
            "left out",
            ['return b"".join(tokens[i] for i in ids).decode("utf-8", errors="ignore")', None],
            "they are left out",
        ),
        (
            "shown too early",
            [None, 'return (waiting + token).decode("utf-8", errors="replace"), b""'],
            "unfinished letters are shown",
        ),
        (
            "lost",
            [None, 'return (waiting + token).decode("utf-8", errors="ignore"), b""'],
            "unfinished letters are lost",
        ),
        (
            "what waited is forgotten",
            [
                None,
                """
                try:
                    return (waiting + token).decode("utf-8"), b""
                except UnicodeDecodeError:
                    return "", token
                """,
            ],
            "what waited is forgotten",
        ),
    ],
}
