"""Typical wrong solutions of the rungs about data."""

WRONG = {
    "resumable_shuffle": [
        (
            "the same order in every epoch",
            [
                """
                per_epoch = -(-n // batch_size)
                order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist()
                for step in range(start, stop):
                    place = step % per_epoch
                    yield order[place * batch_size : (place + 1) * batch_size]
                """
            ],
            "another order in every epoch",
        ),
        (
            "the global generator",
            [
                """
                per_epoch = -(-n // batch_size)
                for step in range(start, stop):
                    epoch, place = divmod(step, per_epoch)
                    torch.manual_seed(seed * 1000 + epoch)
                    yield torch.randperm(n).tolist()[place * batch_size : (place + 1) * batch_size]
                """
            ],
            "global random state left as it was",
        ),
        (
            "the last batch dropped",
            [
                """
                per_epoch = max(1, n // batch_size)
                for step in range(start, stop):
                    epoch, place = divmod(step, per_epoch)
                    generator = torch.Generator().manual_seed(seed * 1000 + epoch)
                    order = torch.randperm(n, generator=generator).tolist()
                    yield order[place * batch_size : (place + 1) * batch_size]
                """
            ],
            "every example exactly once an epoch",
        ),
        (
            "a resume begins again",
            [
                """
                per_epoch = -(-n // batch_size)
                for step in range(stop - start):
                    epoch, place = divmod(step, per_epoch)
                    generator = torch.Generator().manual_seed(seed * 1000 + epoch)
                    order = torch.randperm(n, generator=generator).tolist()
                    yield order[place * batch_size : (place + 1) * batch_size]
                """
            ],
            "a resume at any step that goes on with the same batches",
        ),
        (
            "drawn with replacement",
            [
                """
                generator = torch.Generator().manual_seed(seed)
                for step in range(start, stop):
                    yield torch.randint(n, (batch_size,), generator=generator).tolist()
                """
            ],
            "every example exactly once an epoch",
        ),
        (
            "seed+epoch",
            [
                """
                steps = (n + batch_size - 1) // batch_size
                for s in range(start, stop):
                    e = s // steps
                    g = torch.Generator().manual_seed(seed + e)
                    order = torch.randperm(n, generator=g).tolist()
                    b = s % steps
                    yield order[b * batch_size : (b + 1) * batch_size]
                """,
            ],
            r"seed \+ epoch is the seed",
        ),
        (
            "same epoch order",
            [
                """
                import math

                steps = math.ceil(n / batch_size)
                g = torch.Generator().manual_seed(seed)
                order = torch.randperm(n, generator=g).tolist()
                for s in range(start, stop):
                    e, b = divmod(s, steps)
                    yield order[b * batch_size : (b + 1) * batch_size]
                """,
            ],
            "does not ask for the epoch",
        ),
    ],
    "padding": [
        (
            "on the left",
            [
                """
                longest = max(len(row) for row in rows)
                tokens = torch.tensor([[filling] * (longest - len(row)) + row for row in rows])
                real = torch.tensor([[False] * (longest - len(row)) + [True] * len(row) for row in rows])
                return tokens, real
                """,
                None,
            ],
            "filled up on the left",
        ),
        (
            "real means not the filling",
            [
                """
                longest = max(len(row) for row in rows)
                tokens = torch.tensor([row + [filling] * (longest - len(row)) for row in rows])
                return tokens, tokens != filling
                """,
                None,
            ],
            "taken for filling",
        ),
        ("a plain mean", [None, "return x.mean()"], "filling is counted in"),
        ("divided by all", [None, "return (x * real).sum() / x.numel()"], "divided by all places"),
        ("times the mask", [None, "return (x * real).sum() / real.sum().clamp(min=1)"], "NaN times 0 is NaN"),
        ("nothing real", [None, "return torch.where(real, x, 0.0).sum() / real.sum()"], "zero is divided by zero"),
    ],
    "windows": [
        (
            "targets are the inputs",
            [
                """
                start = i * n_ctx
                if i < 0 or start + n_ctx >= len(ids):
                    raise IndexError
                return ids[start : start + n_ctx], ids[start : start + n_ctx]
                """
            ],
            "the targets are the inputs themselves",
        ),
        (
            "the last target missing",
            [
                """
                start = i * n_ctx
                if i < 0 or start + n_ctx >= len(ids):
                    raise IndexError
                piece = ids[start : start + n_ctx]
                return piece[:-1], piece[1:]
                """
            ],
            "the last token has no target",
        ),
        (
            "sliding by one",
            [
                """
                if i < 0 or i * n_ctx + n_ctx >= len(ids):
                    raise IndexError
                return ids[i : i + n_ctx], ids[i + 1 : i + n_ctx + 1]
                """
            ],
            "windows overlap",
        ),
        (
            "no end",
            ["start = i * n_ctx\nreturn ids[start : start + n_ctx], ids[start + 1 : start + n_ctx + 1]"],
            "a window that is not whole is an IndexError",
        ),
    ],
}
