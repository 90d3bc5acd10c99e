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
    ],
}
