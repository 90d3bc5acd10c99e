"""Typical wrong solutions of the rungs about attention."""

WRONG = {
    "causal_mask": [
        ("blind to itself", ["c = torch.arange(n)\nreturn c < c[:, None]"], "the diagonal is hidden"),
        ("sees the future", ["c = torch.arange(n)\nreturn c >= c[:, None]"], "rows and columns are exchanged"),
        ("inverted", ["c = torch.arange(n)\nreturn c > c[:, None]"], "the wrong way round|diagonal is hidden"),
        ("numbers", ["return torch.ones(n, n).tril()"], "torch.bool"),
        ("everyone", ["return torch.ones(n, n, dtype=torch.bool)"], "wanted     \\[\\[True, False\\]"),
    ],
    "attention": [
        (
            "not scaled",
            [
                """
                scores = q @ k.transpose(-2, -1)
                if mask is not None:
                    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
                return scores.softmax(dim=-1) @ v
                """
            ],
            "not divided by sqrt\\(D\\)",
        ),
        (
            "divided by D",
            [
                """
                scores = q @ k.transpose(-2, -1) / q.shape[-1]
                if mask is not None:
                    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
                return scores.softmax(dim=-1) @ v
                """
            ],
            "divided by D, not by its root",
        ),
        (
            "softmax over the queries",
            [
                """
                scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
                if mask is not None:
                    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
                return scores.softmax(dim=-2) @ v
                """
            ],
            "the softmax runs over the queries",
        ),
        (
            "mask after softmax",
            [
                """
                shares = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(dim=-1)
                return (shares if mask is None else shares * mask) @ v
                """
            ],
            "the mask is laid on after the softmax",
        ),
        (
            "zero for hidden",
            [
                """
                scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
                if mask is not None:
                    scores = scores.masked_fill(~mask, 0.0)
                return scores.softmax(dim=-1) @ v
                """
            ],
            "hidden scores are set to 0",
        ),
        (
            "inverted mask",
            [
                """
                scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
                if mask is not None:
                    scores = scores.masked_fill(mask, float("-inf"))
                return scores.softmax(dim=-1) @ v
                """
            ],
            "the mask is the wrong way round",
        ),
        (
            "minus infinity",
            [
                """
                scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
                if mask is not None:
                    scores = scores.masked_fill(~mask, float("-inf"))
                return scores.softmax(dim=-1) @ v
                """
            ],
            "softmax of that is NaN",
        ),
        (
            "exp by hand",
            [
                """
                scores = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).exp()
                if mask is not None:
                    scores = scores * mask
                return scores / scores.sum(dim=-1, keepdim=True) @ v
                """
            ],
            "exp is taken of scores as they are",
        ),
        (
            "exchanged",
            [
                """
                scores = k @ q.transpose(-2, -1) / q.shape[-1] ** 0.5
                if mask is not None:
                    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
                return scores.softmax(dim=-1) @ v
                """
            ],
            "queries and keys are exchanged",
        ),
        (
            "wrong scale",
            [
                """
                s = q @ k.transpose(-1, -2) / k.shape[-2] ** 0.5
                if mask is not None:
                    s = s.masked_fill(~mask, -1e9)
                return s.softmax(-1) @ v
                """,
            ],
            "number of tokens, not of D",
        ),
        (
            "einsum",
            [
                """
                s = torch.einsum("bhtd,bhsd->bhts", q.float(), k.float()) * q.shape[-1] ** -0.5
                if mask is None:
                    mask = torch.ones((), dtype=torch.bool)
                s = torch.where(mask, s, -torch.inf)
                top = s.amax(-1, keepdim=True).clamp(min=-1e30)
                e = (s - top).exp()
                p = e / e.sum(-1, keepdim=True).clamp(min=1e-30)
                return torch.einsum("bhts,bhsd->bhtd", p, v.float()).to(q.dtype)
                """,
            ],
            r"\.float\(\) is taken of all",
        ),
        (
            "in-place mask inverted",
            [
                """
                s = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
                if mask is not None:
                    s = s.masked_fill(mask, float("-inf"))
                return s.softmax(-1).nan_to_num() @ v
                """,
            ],
            "True is where it may look",
        ),
    ],
    "heads": [
        (
            "one view",
            ["b, t, c = x.shape\nreturn x.reshape(b, n_head, t, c // n_head)", None],
            "mixes the numbers of different t",
        ),
        (
            "every n-th channel",
            ["b, t, c = x.shape\nreturn x.reshape(b, t, c // n_head, n_head).permute(0, 3, 1, 2)", None],
            "a head takes every H-th channel",
        ),
        (
            "not exchanged",
            ["b, t, c = x.shape\nreturn x.reshape(b, t, n_head, c // n_head)", None],
            "are not exchanged|shape",
        ),
        ("merged by one reshape", [None, "b, h, t, d = x.shape\nreturn x.reshape(b, t, h * d)"], "different heads"),
        (
            "view after transpose",
            [None, "b, h, t, d = x.shape\nreturn x.transpose(1, 2).view(b, t, h * d)"],
            "line \\d+: return x.transpose",
        ),
    ],
    "cache": [
        (
            "no mask",
            [
                """
                if held is not None:
                    k, v = torch.cat((held[0], k), dim=2), torch.cat((held[1], v), dim=2)
                return attend(q, k, v, None), (k, v)
                """
            ],
            "there is no mask",
        ),
        (
            "the mask forgets what is held",
            [
                """
                if held is not None:
                    k, v = torch.cat((held[0], k), dim=2), torch.cat((held[1], v), dim=2)
                s, t = k.shape[2], q.shape[2]
                mask = torch.arange(s) <= torch.arange(t)[:, None]
                return attend(q, k, v, mask), (k, v)
                """
            ],
            "forgets how many tokens are held",
        ),
        (
            "only the new ones are held",
            [
                """
                new = k, v
                if held is not None:
                    k, v = torch.cat((held[0], k), dim=2), torch.cat((held[1], v), dim=2)
                s, t = k.shape[2], q.shape[2]
                mask = torch.arange(s) <= torch.arange(s - t, s)[:, None]
                return attend(q, k, v, mask), new
                """
            ],
            "only the new ones are held",
        ),
        (
            "held is not looked at",
            [
                """
                t = q.shape[2]
                out = attend(q, k, v, torch.ones(t, t, dtype=torch.bool).tril())
                if held is not None:
                    k, v = torch.cat((held[0], k), dim=2), torch.cat((held[1], v), dim=2)
                return out, (k, v)
                """
            ],
            "what is held is not looked at",
        ),
        (
            "the wrong axis",
            [
                """
                if held is not None:
                    k, v = torch.cat((held[0], k), dim=1), torch.cat((held[1], v), dim=1)
                s, t = k.shape[2], q.shape[2]
                mask = torch.arange(s) <= torch.arange(s - t, s)[:, None]
                return attend(q, k, v, mask), (k, v)
                """
            ],
            "look: 1 new token after 1 held",
        ),
        (
            "dim1",
            [
                """
                if held is not None:
                    k = torch.cat([held[0], k], 1)
                    v = torch.cat([held[1], v], 1)
                mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril(k.shape[2] - q.shape[2])
                return attend(q, k, v, mask), (k, v)
                """,
            ],
            "joins another axis",
        ),
    ],
}
