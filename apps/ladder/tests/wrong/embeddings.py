"""Typical wrong solutions of the rungs about vectors of tokens and of positions."""

WRONG = {
    "bigrams": [
        (
            "pairs once",
            [
                """
                counts = torch.ones(n_vocab, n_vocab)
                counts[ids[:-1], ids[1:]] += 1
                return (counts / counts.sum(dim=1, keepdim=True)).log()
                """
            ],
            "pairs that occur several times count once",
        ),
        (
            "transposed",
            [
                """
                counts = torch.ones(n_vocab, n_vocab)
                for a, b in zip(ids[:-1].tolist(), ids[1:].tolist()):
                    counts[b, a] += 1
                return (counts / counts.sum(dim=1, keepdim=True)).log()
                """
            ],
            "rows and columns are exchanged",
        ),
        (
            "no smoothing",
            [
                """
                counts = torch.zeros(n_vocab, n_vocab)
                for a, b in zip(ids[:-1].tolist(), ids[1:].tolist()):
                    counts[a, b] += 1
                return (counts / counts.sum(dim=1, keepdim=True)).log()
                """
            ],
            "counts begin at 0",
        ),
        (
            "no keepdim",
            [
                """
                counts = torch.ones(n_vocab, n_vocab)
                for a, b in zip(ids[:-1].tolist(), ids[1:].tolist()):
                    counts[a, b] += 1
                return (counts / counts.sum(dim=0)).log()
                """
            ],
            "columns add up to 1, not rows",
        ),
        (
            "no keepdim",
            [
                """
                c = torch.ones(n_vocab, n_vocab)
                for a, b in zip(ids[:-1], ids[1:]):
                    c[a, b] += 1
                return (c / c.sum(1)).log()
                """,
            ],
            "keepdim=True keeps",
        ),
    ],
    "lookup": [
        ("columns", ["return table.T[ids]", None], "out of bounds|columns are looked up"),
        (
            "the last one wins",
            [None, "out = torch.zeros(n_vocab, gradient.shape[1])\nout[ids] += gradient\nreturn out"],
            "only the last place counts",
        ),
        (
            "averaged",
            [
                None,
                """
                out = torch.zeros(n_vocab, gradient.shape[1]).index_add_(0, ids, gradient)
                return out / torch.bincount(ids, minlength=n_vocab).clamp(min=1)[:, None]
                """,
            ],
            "the places of a token are averaged",
        ),
        (
            "torch's own",
            ["return torch.nn.functional.embedding(ids, table)", None],
            "embedding does this exercise by itself",
        ),
    ],
    "sinusoids": [
        (
            "sines first",
            [
                """
                angles = positions[..., None] * 10000.0 ** (-torch.arange(0, n_embd, 2) / n_embd)
                return torch.cat((angles.sin(), angles.cos()), dim=-1)
                """
            ],
            "all sines come first",
        ),
        (
            "exponent",
            [
                """
                angles = positions[..., None] * 10000.0 ** (-torch.arange(n_embd // 2) / n_embd)
                return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)
                """
            ],
            "the exponent is i / C",
        ),
        (
            "cosine first",
            [
                """
                angles = positions[..., None] * 10000.0 ** (-torch.arange(0, n_embd, 2) / n_embd)
                return torch.stack((angles.cos(), angles.sin()), dim=-1).flatten(-2)
                """
            ],
            "the cosine comes before the sine",
        ),
        (
            "one row of positions only",
            [
                """
                angles = torch.arange(len(positions))[:, None] * 10000.0 ** (-torch.arange(0, n_embd, 2) / n_embd)
                return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)
                """
            ],
            "channels are waves in pairs",
        ),
    ],
    "rotary": [
        (
            "the other way",
            [
                """
                d = x.shape[-1]
                a = positions[:, None] * 10000.0 ** (-torch.arange(0, d, 2) / d)
                first, second = x[..., 0::2], x[..., 1::2]
                turned = (first * a.cos() + second * a.sin(), second * a.cos() - first * a.sin())
                return torch.stack(turned, dim=-1).flatten(-2)
                """
            ],
            "it turns the other way",
        ),
        (
            "halves",
            [
                """
                d = x.shape[-1]
                a = positions[:, None] * 10000.0 ** (-torch.arange(0, d, 2) / d)
                first, second = x[..., : d // 2], x[..., d // 2 :]
                return torch.cat((first * a.cos() - second * a.sin(), first * a.sin() + second * a.cos()), dim=-1)
                """
            ],
            "paired with channel i \\+ D/2",
        ),
        (
            "not put together",
            [
                """
                d = x.shape[-1]
                a = positions[:, None] * 10000.0 ** (-torch.arange(0, d, 2) / d)
                first, second = x[..., 0::2], x[..., 1::2]
                return torch.cat((first * a.cos() - second * a.sin(), first * a.sin() + second * a.cos()), dim=-1)
                """
            ],
            "the pairs are not put together again",
        ),
        (
            "positions are added",
            ["return x + positions[:, None]"],
            "each pair of channels turns with its position",
        ),
        (
            "i/D",
            [
                """
                D = x.shape[-1]
                i = torch.arange(D // 2)
                a = positions[:, None] / 10000 ** (i / D)
                x1, x2 = x[..., ::2], x[..., 1::2]
                return torch.stack([x1 * a.cos() - x2 * a.sin(), x1 * a.sin() + x2 * a.cos()], -1).flatten(
                    -2
                )
                """,
            ],
            "exponent is i / D",
        ),
        (
            "in place",
            [
                """
                D = x.shape[-1]
                for i in range(D // 2):
                    a = positions / 10000 ** (2 * i / D)
                    x[..., 2 * i] = x[..., 2 * i] * a.cos() - x[..., 2 * i + 1] * a.sin()
                    x[..., 2 * i + 1] = x[..., 2 * i] * a.sin() + x[..., 2 * i + 1] * a.cos()
                return x
                """,
            ],
            "overwritten before the second",
        ),
        (
            "arange positions",
            [
                """
                D = x.shape[-1]
                i = torch.arange(D // 2)
                a = torch.arange(x.shape[-2])[:, None] / 10000 ** (2 * i / D)
                x1, x2 = x[..., ::2], x[..., 1::2]
                return torch.stack([x1 * a.cos() - x2 * a.sin(), x1 * a.sin() + x2 * a.cos()], -1).flatten(
                    -2
                )
                """,
            ],
            "counted from 0, not taken",
        ),
    ],
}
